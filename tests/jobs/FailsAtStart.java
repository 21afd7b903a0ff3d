package nutkin.testjobs;

import nutkin.payments.CountryTotal;
import nutkin.payments.Options;
import nutkin.payments.PaymentsJob;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;

/** The payments job with a task that cannot start, and no restarts: accepted, then FAILED at once. */
public final class FailsAtStart {
    private FailsAtStart() {}

    public static void main(String[] args) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        Configuration noRestarts = new Configuration();
        noRestarts.setString("restart-strategy", "none"); // Flink 1.16
        noRestarts.setString("restart-strategy.type", "none");
        env.configure(noRestarts, FailsAtStart.class.getClassLoader());
        Options options = Options.parse(args);
        PaymentsJob.build(env, options, options.statistics()).process(new CannotStart()).uid("cannot-start");
        env.execute("payments");
    }

    private static class CannotStart extends ProcessFunction<CountryTotal, Void>
            implements CheckpointedFunction {
        @Override
        public void initializeState(FunctionInitializationContext context) {
            throw new IllegalStateException("task failed at its start on purpose");
        }

        @Override
        public void snapshotState(FunctionSnapshotContext context) {}

        @Override
        public void processElement(CountryTotal total, Context context, Collector<Void> out) {}
    }
}
