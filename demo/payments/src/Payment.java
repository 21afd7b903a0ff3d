package nutkin.payments;

/** One payment: the country's own number of it, counted from 1, and the amount in cents. */
public class Payment {
    public String country;
    public long number;
    public long cents;

    public Payment() {}

    Payment(Country country, long number) {
        this.country = country.name();
        this.number = number;
        this.cents = amount(country.ordinal(), number);
    }

    /** Between 1 and about 1,000 euros, small amounts more often; the same for the same payment, also after a restore. */
    private static long amount(long country, long number) {
        long mixed = (number * 31 + country + 1) * 0x9E3779B97F4A7C15L;
        mixed ^= mixed >>> 32;
        double unit = (mixed & 0xFFFFFF) / (double) 0x1000000;
        return Math.round(100 * Math.pow(10, 3 * unit * unit));
    }
}
