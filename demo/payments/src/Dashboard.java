package nutkin.payments;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings the countries together in one task and publishes the metrics.
 *
 * <p>{@code payments.total} is all payments since birth, {@code payments.CC.count} those of one
 * country, {@code payments.rate} how many come in a second. One task publishes them, so a value is
 * whole or absent, never the sum of those subtasks that happened to have reported.
 */
class Dashboard extends ProcessFunction<CountryTotal, Void> implements CheckpointedFunction {
    private static final Logger LOG = LoggerFactory.getLogger(Dashboard.class);
    private static final long WINDOW_NANOS = 2_000_000_000L;
    private static final int WINDOWS_PER_LOG_LINE = 5;

    private transient Map<String, Long> counts;
    private transient ListState<Tuple2<String, Long>> saved;
    private transient MetricGroup metrics;
    private transient volatile long total;
    private transient volatile double rate;
    private transient long windowStart;
    private transient long windowTotal;
    private transient int windows;

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
        saved =
                context.getOperatorStateStore()
                        .getListState(
                                new ListStateDescriptor<>("counts", Types.TUPLE(Types.STRING, Types.LONG)));
        counts = new ConcurrentHashMap<>();
        metrics = getRuntimeContext().getMetricGroup().addGroup("payments");
        for (Tuple2<String, Long> entry : saved.get()) {
            record(entry.f0, entry.f1);
        }
        metrics.gauge("total", (Gauge<Long>) () -> total);
        metrics.gauge("rate", (Gauge<Double>) () -> rate);
        windowStart = System.nanoTime();
        windowTotal = total;
        LOG.info("payments since birth: {} at the start, restored: {}", total, context.isRestored());
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) throws Exception {
        saved.clear();
        for (Map.Entry<String, Long> entry : counts.entrySet()) {
            saved.add(Tuple2.of(entry.getKey(), entry.getValue()));
        }
    }

    @Override
    public void processElement(CountryTotal seen, Context context, Collector<Void> out) {
        record(seen.country, seen.count);
        long elapsed = System.nanoTime() - windowStart;
        if (elapsed >= WINDOW_NANOS) {
            nextWindow(elapsed);
        }
    }

    private void record(String country, long count) {
        Long before = counts.put(country, count);
        if (before == null) {
            metrics.addGroup(country).gauge("count", (Gauge<Long>) () -> counts.get(country));
        }
        total += count - (before == null ? 0 : before);
    }

    private void nextWindow(long elapsed) {
        rate = (total - windowTotal) * 1e9 / elapsed;
        windowStart += elapsed;
        windowTotal = total;
        if (++windows % WINDOWS_PER_LOG_LINE == 0) {
            LOG.info("payments since birth: {}, {} a second", total, Math.round(rate));
        }
    }
}
