/** What an empty value of a flag means: mostly, that the variable in a script had none (`-n "$NS"` without NS). */

/**
 * Flags whose empty value means something: `-e ""` executes nothing and does not wait for statements on the terminal.
 * Of any flag that is not on a list here it counts as not given, as for kubectl.
 */
export const MEANT_EMPTY: readonly string[] = ['execute', 'public-name']

/**
 * A command's own flags that narrow what it does: not given, they would let it do more than was meant, with all nodes
 * instead of one, or as the superuser. --datacenter is none of them: without it there is one datacenter or an error.
 */
export const NEVER_EMPTY: readonly string[] = ['node', 'username']
