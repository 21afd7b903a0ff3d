package nutkin.payments;

import java.util.List;

import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * An endless source with a steady rate; one split for each country, so that it can be rescaled.
 *
 * <p>A split remembers how many payments its country has made, so after a restore the numbers go on
 * without a gap and without a repeat. Countries that a new {@code --region} leaves out keep their
 * split and pause.
 */
class PaymentSource implements Source<Payment, CountrySplit, List<CountrySplit>> {
    private static final long serialVersionUID = 1;

    private final List<Country> countries;
    private final double rate;

    PaymentSource(List<Country> countries, double rate) {
        this.countries = countries;
        this.rate = rate;
    }

    @Override
    public Boundedness getBoundedness() {
        return Boundedness.CONTINUOUS_UNBOUNDED;
    }

    @Override
    public SourceReader<Payment, CountrySplit> createReader(SourceReaderContext context) {
        return new PaymentReader(countries, rate);
    }

    @Override
    public SplitEnumerator<CountrySplit, List<CountrySplit>> createEnumerator(
            SplitEnumeratorContext<CountrySplit> context) {
        return CountryEnumerator.fresh(context, countries);
    }

    @Override
    public SplitEnumerator<CountrySplit, List<CountrySplit>> restoreEnumerator(
            SplitEnumeratorContext<CountrySplit> context, List<CountrySplit> known) {
        return CountryEnumerator.restored(context, countries, known);
    }

    @Override
    public SimpleVersionedSerializer<CountrySplit> getSplitSerializer() {
        return new CountrySplit.Serializer();
    }

    @Override
    public SimpleVersionedSerializer<List<CountrySplit>> getEnumeratorCheckpointSerializer() {
        return new CountrySplit.ListSerializer();
    }
}
