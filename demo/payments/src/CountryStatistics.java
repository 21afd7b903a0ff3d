package nutkin.payments;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/**
 * New in v2: the average and the largest payment of each country, since v2 came.
 *
 * <p>Metrics {@code payments.CC.average} and {@code payments.CC.largest}, in cents.
 */
class CountryStatistics extends KeyedProcessFunction<String, Payment, Void>
        implements CheckpointedFunction {
    private transient ValueState<Tuple3<Long, Long, Long>> statistics; // count, sum, largest
    private transient Map<String, Tuple3<Long, Long, Long>> published;

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
        statistics =
                context.getKeyedStateStore()
                        .getState(
                                new ValueStateDescriptor<>(
                                        "statistics", Types.TUPLE(Types.LONG, Types.LONG, Types.LONG)));
        published = new ConcurrentHashMap<>();
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) {}

    @Override
    public void processElement(Payment payment, Context context, Collector<Void> out) throws Exception {
        Tuple3<Long, Long, Long> before = statistics.value();
        Tuple3<Long, Long, Long> now =
                before == null
                        ? Tuple3.of(1L, payment.cents, payment.cents)
                        : Tuple3.of(
                                before.f0 + 1,
                                before.f1 + payment.cents,
                                Math.max(before.f2, payment.cents));
        statistics.update(now);
        if (published.put(payment.country, now) == null) {
            publish(payment.country);
        }
    }

    private void publish(String country) {
        MetricGroup group = getRuntimeContext().getMetricGroup().addGroup("payments").addGroup(country);
        group.gauge("average", (Gauge<Long>) () -> published.get(country).f1 / published.get(country).f0);
        group.gauge("largest", (Gauge<Long>) () -> published.get(country).f2);
    }
}
