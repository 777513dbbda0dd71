/**
 * All that is used of @kubernetes/client-node. The build puts a bundle of this one file in its place, which loads
 * four times as fast.
 */
export { KubeConfig } from '@kubernetes/client-node'
