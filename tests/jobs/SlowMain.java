package nutkin.testjobs;

import nutkin.payments.Options;
import nutkin.payments.PaymentsJob;

import java.nio.file.Files;
import java.nio.file.Path;

import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * The payments job after a pause of {@code --main-ms N} (default 8000) in {@code main}, in which Flink does not answer. The
 * pause begins when the file {@code --main-file PATH} is there, which it makes.
 */
public final class SlowMain {
    private SlowMain() {}

    public static void main(String[] args) throws Exception {
        Options options = Options.parse(args);
        String file = options.get("main-file", "");
        if (!file.isEmpty()) {
            Files.createFile(Path.of(file));
        }
        Thread.sleep(Long.parseLong(options.get("main-ms", "8000")));
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        PaymentsJob.build(env, options, options.statistics());
        env.execute("payments");
    }
}
