package nutkin.testjobs;

import nutkin.payments.Options;
import nutkin.payments.PaymentsJob;

import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** The payments job after a pause of {@code --main-ms N} (default 8000) in {@code main}, in which Flink does not answer. */
public final class SlowMain {
    private SlowMain() {}

    public static void main(String[] args) throws Exception {
        Options options = Options.parse(args);
        Thread.sleep(Long.parseLong(options.get("main-ms", "8000")));
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        PaymentsJob.build(env, options, options.statistics());
        env.execute("payments");
    }
}
