#region team
mcpwire bridge --listen http://127.0.0.1:8080/mcp \
  --api-key-file /etc/mcp/keys \
  --allow-host tools.example \
  -- my-server
#endregion
