package nutkin.payments;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;

/** Gives each country to one reader; its state is every country it knows, with the number made while no reader has it. */
class CountryEnumerator implements SplitEnumerator<CountrySplit, List<CountrySplit>> {
    private final SplitEnumeratorContext<CountrySplit> context;
    private final Map<Country, Long> known = new TreeMap<>();

    private CountryEnumerator(SplitEnumeratorContext<CountrySplit> context) {
        this.context = context;
    }

    static CountryEnumerator fresh(SplitEnumeratorContext<CountrySplit> context, List<Country> countries) {
        return restored(context, countries, List.of());
    }

    static CountryEnumerator restored(
            SplitEnumeratorContext<CountrySplit> context, List<Country> countries, List<CountrySplit> known) {
        CountryEnumerator enumerator = new CountryEnumerator(context);
        for (CountrySplit split : known) {
            enumerator.known.put(split.country, split.made);
        }
        for (Country country : countries) {
            enumerator.known.putIfAbsent(country, 0L);
        }
        return enumerator;
    }

    @Override
    public void start() {}

    @Override
    public void addReader(int subtask) {
        int readers = context.currentParallelism();
        int index = 0;
        for (Map.Entry<Country, Long> entry : known.entrySet()) {
            boolean waiting = entry.getValue() != CountrySplit.WITH_A_READER;
            if (index++ % readers == subtask && waiting) {
                context.assignSplit(new CountrySplit(entry.getKey(), entry.getValue()), subtask);
                entry.setValue(CountrySplit.WITH_A_READER);
            }
        }
    }

    @Override
    public void addSplitsBack(List<CountrySplit> splits, int subtask) {
        for (CountrySplit split : splits) {
            known.put(split.country, split.made);
        }
    }

    @Override
    public void handleSplitRequest(int subtask, String host) {}

    @Override
    public List<CountrySplit> snapshotState(long checkpointId) {
        List<CountrySplit> state = new ArrayList<>();
        known.forEach((country, made) -> state.add(new CountrySplit(country, made)));
        return state;
    }

    @Override
    public void close() {}
}
