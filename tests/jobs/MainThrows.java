package nutkin.testjobs;

/** A program that fails before it submits anything. */
public final class MainThrows {
    private MainThrows() {}

    public static void main(String[] args) {
        throw new IllegalStateException("main gave up on purpose");
    }
}
