import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The Java SDK, with the command line of every peer program. */
public final class Peer {
    /** The command line. */
    record Options(String role, String wire, Map<String, String> values, List<String> target) {
        String mode() {
            return values.getOrDefault("--mode", "");
        }

        List<String> skip() {
            return List.of(values.getOrDefault("--skip", "").split(","));
        }
    }

    public static void main(String[] args) throws Exception {
        Options options = parse(args);
        if (options.role().equals("server")) {
            Server.serve(options);
            return;
        }
        int code = 0;
        String result;
        try {
            result = "{\"ok\":true,\"protocol\":\"" + Client.run(options) + "\"}";
        } catch (Throwable error) {
            error.printStackTrace();
            code = 1;
            result = "{\"ok\":false,\"error\":\"" + escape(String.valueOf(error.getMessage())) + "\"}";
        }
        System.out.println(result);
        System.out.flush();
        System.exit(code);
    }

    private static Options parse(String[] args) {
        Map<String, String> values = new HashMap<>();
        int at = 2;
        for (; at < args.length && !args[at].equals("--"); at += 2) values.put(args[at], args[at + 1]);
        List<String> target = at < args.length ? Arrays.asList(args).subList(at + 1, args.length) : List.of();
        return new Options(args[0], args[1], values, target);
    }

    private static String escape(String text) {
        return text.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\p{Cntrl}", " ");
    }
}
