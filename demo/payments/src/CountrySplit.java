package nutkin.payments;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** A country, and how many payments it has made so far. */
class CountrySplit implements SourceSplit {
    /** Instead of a number: a reader has this split and knows how far it is. */
    static final long WITH_A_READER = -1;

    final Country country;
    final long made;

    CountrySplit(Country country, long made) {
        this.country = country;
        this.made = made;
    }

    @Override
    public String splitId() {
        return country.name();
    }

    private void write(DataOutputStream out) throws IOException {
        out.writeUTF(country.name());
        out.writeLong(made);
    }

    private static CountrySplit read(DataInputStream in) throws IOException {
        return new CountrySplit(Country.valueOf(in.readUTF()), in.readLong());
    }

    static class Serializer implements SimpleVersionedSerializer<CountrySplit> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(CountrySplit split) throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            split.write(new DataOutputStream(bytes));
            return bytes.toByteArray();
        }

        @Override
        public CountrySplit deserialize(int version, byte[] bytes) throws IOException {
            return read(new DataInputStream(new ByteArrayInputStream(bytes)));
        }
    }

    static class ListSerializer implements SimpleVersionedSerializer<List<CountrySplit>> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(List<CountrySplit> splits) throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            DataOutputStream out = new DataOutputStream(bytes);
            out.writeInt(splits.size());
            for (CountrySplit split : splits) {
                split.write(out);
            }
            return bytes.toByteArray();
        }

        @Override
        public List<CountrySplit> deserialize(int version, byte[] bytes) throws IOException {
            DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
            int size = in.readInt();
            List<CountrySplit> splits = new ArrayList<>(size);
            for (int i = 0; i < size; i++) {
                splits.add(read(in));
            }
            return splits;
        }
    }
}
