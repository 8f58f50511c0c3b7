// For applications
export { type TcpClientOptions, tcpClient, tcpClientDefaults } from './tcp-client.js'
export { type TcpServerOptions, tcpServer, tcpServerDefaults } from './tcp-server.js'
