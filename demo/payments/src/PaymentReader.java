package nutkin.payments;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.core.io.InputStatus;

/** Makes the payments of its countries, each when it is due. */
class PaymentReader implements SourceReader<Payment, CountrySplit> {
    /** Further behind than this (paused, blocked by a slow operator) is not made up for. */
    private static final long MOST_LAG_NANOS = 1_000_000_000L;

    private final List<Country> countries;
    private final double ratePerWeight;
    private final PriorityQueue<Till> due = new PriorityQueue<>(Comparator.comparingLong(till -> till.next));
    private final List<CountrySplit> paused = new ArrayList<>();
    private CompletableFuture<Void> splitsArrived = new CompletableFuture<>();

    PaymentReader(List<Country> countries, double rate) {
        this.countries = countries;
        this.ratePerWeight = rate / countries.stream().mapToInt(country -> country.weight).sum();
    }

    @Override
    public void start() {}

    @Override
    public InputStatus pollNext(ReaderOutput<Payment> output) {
        Till till = due.peek();
        long now = System.nanoTime();
        if (till == null || till.next > now) {
            return InputStatus.NOTHING_AVAILABLE;
        }
        due.remove();
        till.made++;
        till.next = Math.max(till.next, now - MOST_LAG_NANOS) + till.pause;
        due.add(till);
        output.collect(new Payment(till.country, till.made));
        return InputStatus.MORE_AVAILABLE;
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
        Till till = due.peek();
        if (till == null) {
            return splitsArrived;
        }
        long wait = till.next - System.nanoTime();
        return wait <= 0
                ? CompletableFuture.completedFuture(null)
                : new CompletableFuture<Void>().completeOnTimeout(null, wait, TimeUnit.NANOSECONDS);
    }

    @Override
    public void addSplits(List<CountrySplit> splits) {
        for (CountrySplit split : splits) {
            if (countries.contains(split.country)) {
                due.add(new Till(split, ratePerWeight));
            } else {
                paused.add(split);
            }
        }
        splitsArrived.complete(null);
        splitsArrived = new CompletableFuture<>();
    }

    @Override
    public List<CountrySplit> snapshotState(long checkpointId) {
        List<CountrySplit> state = new ArrayList<>(paused);
        due.forEach(till -> state.add(new CountrySplit(till.country, till.made)));
        return state;
    }

    @Override
    public void notifyNoMoreSplits() {}

    @Override
    public void close() {}

    /** A country at work. */
    private static final class Till {
        final Country country;
        final long pause;
        long made;
        long next;

        Till(CountrySplit split, double ratePerWeight) {
            country = split.country;
            made = split.made;
            pause = Math.max(1, Math.round(1e9 / (ratePerWeight * country.weight)));
            next = System.nanoTime();
        }
    }
}
