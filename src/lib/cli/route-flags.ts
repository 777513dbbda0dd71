/** Flags shared by the route commands. */
import { Flags } from '@oclif/core'

export const routeModeFlag = {
  mode: Flags.option({
    options: ['sni', 'tcp'] as const,
    default: 'sni' as const,
    summary: 'sni: one route per node, by server name. tcp: one route to any node, for a first test.',
  })(),
}
