package nutkin.payments;

import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;

/**
 * The mistake in v3: it works for a second and then fails, again and again.
 *
 * <p>It never lets a checkpoint complete, so that going back to the version before loses nothing.
 */
class BrokenFees extends ProcessFunction<CountryTotal, Void> implements CheckpointedFunction {
    private static final long WORKS_FOR_NANOS = 1_000_000_000L;
    private transient long started;

    @Override
    public void initializeState(FunctionInitializationContext context) {
        started = System.nanoTime();
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) {
        throw missingTable("this checkpoint");
    }

    @Override
    public void processElement(CountryTotal total, Context context, Collector<Void> out) {
        if (System.nanoTime() - started >= WORKS_FOR_NANOS) {
            throw missingTable(total.country);
        }
    }

    private static IllegalStateException missingTable(String what) {
        return new IllegalStateException("fee table is missing for " + what);
    }
}
