package nutkin.testjobs;

import nutkin.payments.CountryTotal;
import nutkin.payments.Options;
import nutkin.payments.PaymentsJob;

import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;

/** The payments job with a task that fails whenever {@code --checkpoints N} (default 2) have completed since its start. */
public final class RestartLoop {
    private RestartLoop() {}

    public static void main(String[] args) throws Exception {
        Options options = Options.parse(args);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        PaymentsJob.build(env, options, options.statistics())
                .process(new FailsAfter(Integer.parseInt(options.get("checkpoints", "2"))))
                .uid("fails-after");
        env.execute("payments");
    }

    private static class FailsAfter extends ProcessFunction<CountryTotal, Void>
            implements CheckpointListener {
        private final int checkpoints;
        private transient int completed;

        FailsAfter(int checkpoints) {
            this.checkpoints = checkpoints;
        }

        @Override
        public void notifyCheckpointComplete(long checkpointId) {
            completed++;
        }

        @Override
        public void processElement(CountryTotal total, Context context, Collector<Void> out) {
            if (completed >= checkpoints) {
                throw new IllegalStateException("task failed after a checkpoint on purpose");
            }
        }
    }
}
