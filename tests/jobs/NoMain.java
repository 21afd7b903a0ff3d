package nutkin.testjobs;

/** Packed into a jar whose manifest names no main class. */
public final class NoMain {
    private NoMain() {}
}
