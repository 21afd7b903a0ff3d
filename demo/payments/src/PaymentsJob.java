package nutkin.payments;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * The demo's job: payments from around Europe, counted per country since the job was born.
 *
 * <pre>
 *   payments-source (p) --by country--> country-totals (p) --> dashboard (1)        v1, v2, v3
 *                          `----------> country-statistics (p)                      v2, v3
 *                                       country-totals --> fees (p)                 v3, broken
 * </pre>
 *
 * <p>The dashboard publishes the number to watch, {@code payments.total}: it comes from state, so it
 * goes on where it stopped after a suspend, an upgrade or a fork, and starts at 0 after a start
 * without state. Only API that is the same from Flink 1.16 to 2.3 is used.
 */
public final class PaymentsJob {
    private PaymentsJob() {}

    public static void main(String[] args) throws Exception {
        Options options = Options.parse(args);
        Properties release = release();
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        DataStream<CountryTotal> totals =
                build(env, options, Boolean.parseBoolean(release.getProperty("statistics")));
        if (Boolean.parseBoolean(release.getProperty("fees"))) {
            totals.process(new BrokenFees()).uid("fees").name("fees");
        }
        env.execute("payments");
    }

    /** The operators of v1, and those that v2 adds when {@code statistics} is set; returns the totals per country. */
    public static DataStream<CountryTotal> build(
            StreamExecutionEnvironment env, Options options, boolean statistics) {
        env.enableCheckpointing(options.intervalMillis());
        KeyedStream<Payment, String> payments =
                env.fromSource(
                                new PaymentSource(options.countries(), options.rate()),
                                WatermarkStrategy.noWatermarks(),
                                "payments source",
                                Types.POJO(Payment.class))
                        .uid("payments-source")
                        .keyBy(payment -> payment.country, Types.STRING);
        DataStream<CountryTotal> totals =
                payments.process(new CountryTotals())
                        .returns(CountryTotal.class)
                        .uid("country-totals")
                        .name("totals per country");
        totals.process(new Dashboard())
                .returns(Types.VOID)
                .uid("dashboard")
                .name("dashboard")
                .setParallelism(1);
        if (statistics) {
            payments.process(new CountryStatistics())
                    .returns(Types.VOID)
                    .uid("country-statistics")
                    .name("statistics per country");
        }
        return totals;
    }

    /** What this jar was built as: the file {@code release.properties} in it. */
    private static Properties release() {
        Properties release = new Properties();
        try (InputStream in = PaymentsJob.class.getResourceAsStream("/release.properties")) {
            if (in != null) {
                release.load(in);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return release;
    }
}
