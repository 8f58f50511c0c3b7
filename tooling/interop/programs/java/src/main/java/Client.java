import io.modelcontextprotocol.client.McpAsyncClient;
import io.modelcontextprotocol.client.McpClient;
import io.modelcontextprotocol.client.transport.HttpClientSseClientTransport;
import io.modelcontextprotocol.client.transport.HttpClientStreamableHttpTransport;
import io.modelcontextprotocol.client.transport.ServerParameters;
import io.modelcontextprotocol.client.transport.StdioClientTransport;
import io.modelcontextprotocol.json.McpJsonDefaults;
import io.modelcontextprotocol.spec.McpClientTransport;
import io.modelcontextprotocol.spec.McpSchema;
import java.net.URI;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * A client that does the checks of every peer program. It is the asynchronous client: the synchronous one runs progress
 * handlers on a pool, in any order, and its stdio transport rejects a call while another thread sends one.
 */
final class Client {
    private static final String UNUSUAL_TEXT = "naïve 漢字 🦀 \"quoted\" \\ \u2028 tab\tline\nend";
    private static final int LARGE_LENGTH = 200_000;
    private static final int PARALLEL_CALLS = 20;
    private static final Duration TIMEOUT = Duration.ofSeconds(40);

    private final List<Double> received = new CopyOnWriteArrayList<>();
    private final McpAsyncClient client;

    private Client(McpClientTransport transport) {
        var answer = McpSchema.CreateMessageResult.builder()
                .role(McpSchema.Role.ASSISTANT)
                .content(new McpSchema.TextContent("blue"))
                .model("none")
                .build();
        client = McpClient.async(transport)
                .requestTimeout(TIMEOUT)
                .clientInfo(new McpSchema.Implementation("peer", "1.0.0"))
                .capabilities(McpSchema.ClientCapabilities.builder().sampling().build())
                .sampling(request -> Mono.just(answer))
                .progressConsumer(notification -> Mono.fromRunnable(() -> received.add(notification.progress())))
                .build();
    }

    /** Runs the checks. Returns the revision of the protocol. */
    static String run(Peer.Options options) throws Exception {
        Client peer = new Client(transportOf(options));
        String protocol = peer.client.initialize().block().protocolVersion();
        peer.exchange(options.skip());
        peer.client.closeGracefully().block(TIMEOUT);
        return protocol;
    }

    private static McpClientTransport transportOf(Peer.Options options) {
        String first = options.target().get(0);
        if (options.wire().equals("stdio")) {
            List<String> args = options.target().subList(1, options.target().size());
            var transport = new StdioClientTransport(
                    ServerParameters.builder(first).args(args).env(System.getenv()).build(), McpJsonDefaults.getMapper());
            transport.setStdErrorHandler(System.err::println);
            return transport;
        }
        URI uri = URI.create(first);
        String base = uri.getScheme() + "://" + uri.getAuthority();
        if (options.wire().equals("http-sse"))
            return HttpClientSseClientTransport.builder(base).sseEndpoint(uri.getPath()).build();
        return HttpClientStreamableHttpTransport.builder(base).endpoint(uri.getPath()).build();
    }

    private void exchange(List<String> skip) throws Exception {
        Map<String, Callable<?>> checks = new LinkedHashMap<>();
        checks.put("tools", () -> {
            List<String> names = client.listTools().block().tools().stream().map(McpSchema.Tool::name).toList();
            return same("missing tools", Stream.of("echo", "fail", "progress").filter(name -> !names.contains(name)).toList(), List.of());
        });
        checks.put("echo", () -> same("echo", echo(UNUSUAL_TEXT), UNUSUAL_TEXT));
        checks.put("large", () -> same("length", echo("x".repeat(LARGE_LENGTH)).length(), LARGE_LENGTH));
        checks.put("parallel", () -> {
            List<String> texts = IntStream.range(0, PARALLEL_CALLS).mapToObj(index -> "call " + index).toList();
            return same("texts", inParallel(texts), texts);
        });
        checks.put("error", () -> same("isError", call("fail", Map.of(), null).isError(), true));
        checks.put("progress", () -> {
            same("result", textOf(call("progress", Map.of("steps", 3), "token")), "done");
            return same("progress", received, List.of(1.0, 2.0, 3.0).subList(0, Math.min(received.size(), 3)));
        });
        checks.put("sample", () -> same("sampled", textOf(call("sample", Map.of(), null)), "sampled: blue"));
        for (var check : checks.entrySet()) {
            if (skip.contains(check.getKey())) continue;
            try {
                check.getValue().call();
            } catch (Exception cause) {
                throw new IllegalStateException(check.getKey() + ": " + cause.getMessage(), cause);
            }
        }
    }

    private List<String> inParallel(List<String> texts) {
        return Flux.fromIterable(texts)
                .flatMapSequential(text -> send("echo", Map.of("message", text), null), texts.size())
                .map(Client::textOf)
                .collectList()
                .block();
    }

    private String echo(String message) {
        return textOf(call("echo", Map.of("message", message), null));
    }

    private McpSchema.CallToolResult call(String name, Map<String, Object> arguments, String token) {
        return send(name, arguments, token).block();
    }

    private Mono<McpSchema.CallToolResult> send(String name, Map<String, Object> arguments, String token) {
        var request = McpSchema.CallToolRequest.builder().name(name).arguments(arguments);
        if (token != null) request.progressToken(token);
        return client.callTool(request.build());
    }

    private static String textOf(McpSchema.CallToolResult result) {
        return ((McpSchema.TextContent) result.content().get(0)).text();
    }

    private static Object same(String what, Object actual, Object wanted) {
        if (actual.equals(wanted)) return actual;
        throw new IllegalStateException("%s: %.200s instead of %.200s".formatted(what, actual, wanted));
    }
}
