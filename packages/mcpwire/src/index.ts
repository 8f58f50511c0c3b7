// For applications
export { endpoint } from './endpoint.js'
export type { Endpoint, EndpointOptions } from './endpoint-provider.js'
