package nutkin.payments;

/** Where payments come from; the weight is a country's share of them. */
public enum Country {
    AT("central", 3),
    BE("west", 3),
    CH("central", 4),
    DE("central", 22),
    DK("north", 2),
    ES("south", 10),
    FI("north", 2),
    FR("west", 16),
    GB("west", 15),
    IT("south", 12),
    NL("west", 7),
    NO("north", 2),
    PL("central", 6),
    PT("south", 3),
    SE("north", 4);

    final String region;
    final int weight;

    Country(String region, int weight) {
        this.region = region;
        this.weight = weight;
    }
}
