package nutkin.testjobs;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Another program: the state of a payments job fits none of its operators. */
public final class OtherUids {
    private OtherUids() {}

    public static void main(String[] args) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.enableCheckpointing(1000);
        env.fromSource(
                        new NumberSequenceSource(0, Long.MAX_VALUE - 1),
                        WatermarkStrategy.noWatermarks(),
                        "numbers")
                .uid("numbers")
                .map(
                        number -> {
                            Thread.sleep(10);
                            return number;
                        })
                .returns(Long.class)
                .uid("slowly");
        env.execute("not payments");
    }
}
