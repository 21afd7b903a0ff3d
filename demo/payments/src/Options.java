package nutkin.payments;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The arguments: {@code --rate N} payments a second, {@code --region NAME}, {@code --interval MS} between checkpoints. */
public final class Options {
    private final Map<String, String> values = new HashMap<>();

    private Options() {}

    /** Reads {@code --name value} pairs; a word without its value is an error that names it. */
    public static Options parse(String[] args) {
        Options options = new Options();
        for (int i = 0; i < args.length; i += 2) {
            if (!args[i].startsWith("--") || i + 1 == args.length) {
                throw new IllegalArgumentException("expected --name value, found " + args[i]);
            }
            options.values.put(args[i].substring(2), args[i + 1]);
        }
        return options;
    }

    public String get(String name, String otherwise) {
        return values.getOrDefault(name, otherwise);
    }

    /** Whether to add what v2 adds, for programs that are not one of the releases. */
    public boolean statistics() {
        return Boolean.parseBoolean(get("statistics", "false"));
    }

    /** Milliseconds between checkpoints. */
    public long intervalMillis() {
        return Long.parseLong(get("interval", "3000"));
    }

    /** Payments a second, over all countries and subtasks. */
    public double rate() {
        double rate = Double.parseDouble(get("rate", "50"));
        if (!(rate > 0)) {
            throw new IllegalArgumentException("--rate must be greater than 0");
        }
        return rate;
    }

    public List<Country> countries() {
        String region = get("region", "europe");
        List<Country> found = new ArrayList<>();
        for (Country country : Country.values()) {
            if (region.equals("europe") || country.region.equals(region)) {
                found.add(country);
            }
        }
        if (found.isEmpty()) {
            throw new IllegalArgumentException(
                    "unknown --region " + region + "; known: europe, north, south, west, central");
        }
        return found;
    }
}
