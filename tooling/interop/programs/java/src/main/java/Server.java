import io.modelcontextprotocol.common.McpTransportContext;
import io.modelcontextprotocol.json.McpJsonDefaults;
import io.modelcontextprotocol.server.McpServer;
import io.modelcontextprotocol.server.McpSyncServerExchange;
import io.modelcontextprotocol.server.transport.HttpServletSseServerTransportProvider;
import io.modelcontextprotocol.server.transport.HttpServletStatelessServerTransport;
import io.modelcontextprotocol.server.transport.HttpServletStreamableServerTransportProvider;
import io.modelcontextprotocol.server.transport.StdioServerTransportProvider;
import io.modelcontextprotocol.spec.McpSchema;
import jakarta.servlet.http.HttpServlet;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiFunction;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;

/** A server with the tools of every peer program. */
final class Server {
    /** What a tool does with its arguments. */
    private interface Handler {
        McpSchema.CallToolResult call(McpSyncServerExchange exchange, McpSchema.CallToolRequest request);
    }

    static void serve(Peer.Options options) throws Exception {
        McpSchema.ServerCapabilities capabilities = McpSchema.ServerCapabilities.builder().tools(false).build();
        if (options.wire().equals("stdio")) {
            addTools(McpServer.sync(new StdioServerTransportProvider(McpJsonDefaults.getMapper()))
                    .serverInfo("peer", "1.0.0")
                    .capabilities(capabilities))
                    .build();
            return;
        }
        HttpServlet servlet;
        String path = "/mcp";
        if (options.wire().equals("http-sse")) {
            path = "/sse";
            var transport = HttpServletSseServerTransportProvider.builder().sseEndpoint(path).messageEndpoint("/message").build();
            addTools(McpServer.sync(transport).serverInfo("peer", "1.0.0").capabilities(capabilities)).build();
            servlet = transport;
        } else if (options.mode().equals("stateless")) {
            var transport = HttpServletStatelessServerTransport.builder().messageEndpoint(path).build();
            var specification = McpServer.sync(transport).serverInfo("peer", "1.0.0").capabilities(capabilities);
            HANDLERS.forEach((name, handler) -> {
                BiFunction<McpTransportContext, McpSchema.CallToolRequest, McpSchema.CallToolResult> call =
                        (context, request) -> handler.call(null, request);
                specification.toolCall(toolNamed(name), call);
            });
            specification.build();
            servlet = transport;
        } else {
            var transport = HttpServletStreamableServerTransportProvider.builder().mcpEndpoint(path).build();
            addTools(McpServer.sync(transport).serverInfo("peer", "1.0.0").capabilities(capabilities)).build();
            servlet = transport;
        }
        listen(servlet, path);
    }

    private static <S extends McpServer.SyncSpecification<S>> McpServer.SyncSpecification<S> addTools(
            McpServer.SyncSpecification<S> specification) {
        HANDLERS.forEach((name, handler) -> specification.toolCall(toolNamed(name), handler::call));
        return specification;
    }

    private static void listen(HttpServlet servlet, String path) throws Exception {
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(Files.createTempDirectory("peer").toString());
        tomcat.setHostname("127.0.0.1");
        tomcat.setPort(0);
        tomcat.getConnector().setProperty("address", "127.0.0.1");
        Context context = tomcat.addContext("", null);
        Tomcat.addServlet(context, "mcp", servlet).setAsyncSupported(true);
        context.addServletMappingDecoded("/*", "mcp");
        tomcat.start();
        System.out.println("listening http://127.0.0.1:" + tomcat.getConnector().getLocalPort() + path);
        tomcat.getServer().await();
    }

    private static final Map<String, Handler> HANDLERS = Map.of(
            "echo", (exchange, request) -> text((String) request.arguments().get("message")),
            "fail", (exchange, request) -> McpSchema.CallToolResult.builder().addTextContent("it failed").isError(true).build(),
            "progress", Server::progress,
            "sample", Server::sample);

    private static McpSchema.CallToolResult progress(McpSyncServerExchange exchange, McpSchema.CallToolRequest request) {
        double steps = ((Number) request.arguments().get("steps")).doubleValue();
        Object token = request.meta() == null ? null : request.meta().get("progressToken");
        for (double step = 1; step <= steps && token != null && exchange != null; step++)
            exchange.progressNotification(new McpSchema.ProgressNotification(token, step, steps, null));
        return text("done");
    }

    private static McpSchema.CallToolResult sample(McpSyncServerExchange exchange, McpSchema.CallToolRequest request) {
        var prompt = new McpSchema.SamplingMessage(McpSchema.Role.USER, new McpSchema.TextContent("A colour?"));
        var answer = exchange.createMessage(
                McpSchema.CreateMessageRequest.builder().messages(List.of(prompt)).maxTokens(10).build());
        return text("sampled: " + ((McpSchema.TextContent) answer.content()).text());
    }

    private static McpSchema.CallToolResult text(String value) {
        return McpSchema.CallToolResult.builder().addTextContent(Objects.requireNonNull(value)).build();
    }

    private static McpSchema.Tool toolNamed(String name) {
        Map<String, Object> properties = switch (name) {
            case "echo" -> Map.of("message", Map.of("type", "string"));
            case "progress" -> Map.of("steps", Map.of("type", "number"));
            default -> Map.of();
        };
        return McpSchema.Tool.builder().name(name).inputSchema(Map.of("type", "object", "properties", properties)).build();
    }
}
