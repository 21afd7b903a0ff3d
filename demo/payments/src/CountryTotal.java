package nutkin.payments;

/** How many payments a country made since the job was born, and how much they were. */
public class CountryTotal {
    public String country;
    public long count;
    public long cents;

    public CountryTotal() {}

    CountryTotal(String country, long count, long cents) {
        this.country = country;
        this.count = count;
        this.cents = cents;
    }
}
