package nutkin.payments;

import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** Counts and sums the payments of each country in keyed state. */
class CountryTotals extends KeyedProcessFunction<String, Payment, CountryTotal>
        implements CheckpointedFunction {
    private transient ValueState<Long> count;
    private transient ValueState<Long> cents;

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
        count = context.getKeyedStateStore().getState(new ValueStateDescriptor<>("count", Types.LONG));
        cents = context.getKeyedStateStore().getState(new ValueStateDescriptor<>("cents", Types.LONG));
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) {}

    @Override
    public void processElement(Payment payment, Context context, Collector<CountryTotal> out)
            throws Exception {
        count.update(orZero(count.value()) + 1);
        cents.update(orZero(cents.value()) + payment.cents);
        out.collect(new CountryTotal(payment.country, count.value(), cents.value()));
    }

    private static long orZero(Long value) {
        return value == null ? 0 : value;
    }
}
