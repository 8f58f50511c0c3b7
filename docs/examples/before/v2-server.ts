//#region before
import { createServer } from 'node:http'
import { localhostHostValidation, localhostOriginValidation, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { newServer } from '../support/new-server.js'

const handle = toNodeHandler(createMcpHandler(newServer, { responseMode: 'json' }))
const validateHost = localhostHostValidation()
const validateOrigin = localhostOriginValidation()
createServer((request, response) => {
  if (validateHost(request, response) && validateOrigin(request, response)) void handle(request, response)
}).listen(3000, '127.0.0.1')
//#endregion
