package dev.quern.kernels;

import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/// A fixed crew of platform threads that runs short parallel loops; the calling thread is one of the crew.
///
/// Tasks are split statically: of `n` tasks, member `w` of `t` does `[w·n/t, (w+1)·n/t)` in order, so the same thread
/// meets the same weights each time. A body must compute the same whoever runs it; then results do not depend on the
/// number of threads. Waiting spins briefly (a decode step has hundreds of barriers) and then parks.
///
/// Calls from several threads take turns. A call from inside a body is refused with `IllegalStateException`. The first
/// exception by task order is thrown to the caller once every member has stopped; the others are suppressed in it.
public final class Workers implements AutoCloseable {
    /// Waiting shorter than this costs less than a park and a wake-up.
    private static final long SPIN_NANOS = 30_000;

    private static final IntConsumer NOTHING = _ -> {};
    private static final RangeBody NO_RANGE = (_, _) -> {};

    private final int threads;
    private final Member[] members;
    private final ReentrantLock turn = new ReentrantLock();
    private final AtomicInteger running = new AtomicInteger();
    private final @Nullable Throwable[] failures;
    private final Scratch callerScratch = new Scratch();

    /// The loop under way: written before `ticket`, read after it.
    private IntConsumer body = NOTHING;

    private int tasks;

    /// What `ranges` splits, and the body that does one part of it.
    private RangeBody range = NO_RANGE;

    private int items;
    private int grain;
    private int parts;
    private final IntConsumer part = this::part;

    /// Counts the loops: who waits sees another number.
    private volatile int ticket;

    private volatile @Nullable Thread waiting;
    private volatile boolean closed;

    private Workers(int threads) {
        this.threads = threads;
        this.members = new Member[threads - 1];
        this.failures = new Throwable[threads];
        for (int i = 0; i < members.length; i++) {
            members[i] = new Member(this, i + 1);
            members[i].start();
        }
    }

    /// A crew of `threads`, at least 1: that many less one are started.
    public static Workers of(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads is at least 1, not " + threads);
        }
        return new Workers(threads);
    }

    /// A crew of as many threads as the machine offers processors.
    public static Workers ofMachine() {
        return of(Runtime.getRuntime().availableProcessors());
    }

    /// Members of the crew, the caller included.
    public int threads() {
        return threads;
    }

    /// Runs `body` for each of `0 … tasks − 1` and returns when all are done.
    public void run(int tasks, IntConsumer body) {
        Objects.requireNonNull(body);
        takeTurn();
        try {
            all(tasks, body);
        } finally {
            turn.unlock();
        }
    }

    /// Splits `0 … n − 1` into one contiguous range per member, each boundary a multiple of `grain`.
    /// Allocates nothing.
    public void ranges(int n, int grain, RangeBody body) {
        if (grain < 1) {
            throw new IllegalArgumentException("grain is at least 1, not " + grain);
        }
        Objects.requireNonNull(body);
        takeTurn();
        try {
            this.items = n;
            this.grain = grain;
            this.parts = Math.min(threads, grains());
            this.range = body;
            all(parts, part);
        } finally {
            range = NO_RANGE;
            turn.unlock();
        }
    }

    private int grains() {
        return (int) (((long) items + grain - 1) / grain);
    }

    /// One part of `ranges`.
    private void part(int part) {
        int grains = grains();
        int from = (int) ((long) grains * part / parts) * grain;
        int to = (int) Math.min(items, (long) grains * (part + 1) / parts * grain);
        range.run(from, to);
    }

    private void takeTurn() {
        if (Thread.currentThread() instanceof Member || turn.isHeldByCurrentThread()) {
            throw new IllegalStateException("a parallel loop was started inside another: run it after, not within");
        }
        turn.lock();
        if (closed) {
            turn.unlock();
            throw new IllegalStateException("these workers are closed");
        }
    }

    private void all(int tasks, IntConsumer body) {
        if (tasks == 1 || threads == 1) {
            for (int task = 0; task < tasks; task++) {
                body.accept(task);
            }
        } else if (tasks > 1) {
            together(tasks, body);
        }
    }

    /// The scratch memory of the calling member; only for use inside a body, or by the caller between loops.
    Scratch scratch() {
        return Thread.currentThread() instanceof Member member && member.crew == this ? member.scratch : callerScratch;
    }

    private void together(int tasks, IntConsumer body) {
        running.set(members.length);
        this.tasks = tasks;
        this.body = body;
        ticket++;
        for (Member member : members) {
            if (member.parked) {
                LockSupport.unpark(member);
            }
        }
        share(0);
        awaitMembers();
        this.body = NOTHING;
        rethrow();
    }

    private void share(int member) {
        int from = (int) ((long) tasks * member / threads);
        int to = (int) ((long) tasks * (member + 1) / threads);
        try {
            for (int task = from; task < to; task++) {
                body.accept(task);
            }
        } catch (Throwable failure) {
            failures[member] = failure;
        }
    }

    private void awaitMembers() {
        long spinUntil = System.nanoTime() + SPIN_NANOS;
        while (running.get() > 0) {
            if (System.nanoTime() < spinUntil) {
                Thread.onSpinWait();
                continue;
            }
            waiting = Thread.currentThread();
            if (running.get() > 0) {
                LockSupport.park(this);
            }
            waiting = null;
        }
    }

    private void rethrow() {
        Throwable first = null;
        for (int i = 0; i < failures.length; i++) {
            Throwable failure = failures[i];
            failures[i] = null;
            if (first == null) {
                first = failure;
            } else if (failure != null && failure != first) {
                first.addSuppressed(failure);
            }
        }
        switch (first) {
            case null -> {}
            case RuntimeException unchecked -> throw unchecked;
            case Error error -> throw error;
            default -> throw new IllegalStateException(first);
        }
    }

    /// Ends the threads after the loop that is under way.
    @Override
    public void close() {
        turn.lock();
        try {
            closed = true;
        } finally {
            turn.unlock();
        }
        for (Member member : members) {
            LockSupport.unpark(member);
        }
    }

    /// One started thread of the crew.
    private static final class Member extends Thread {
        private final Workers crew;
        private final int index;
        private final Scratch scratch = new Scratch();
        private volatile boolean parked;

        Member(Workers crew, int index) {
            super("quern-worker-" + index);
            this.crew = crew;
            this.index = index;
            setDaemon(true);
        }

        @Override
        public void run() {
            for (int done = 0; awaitLoop(done); done++) {
                crew.share(index);
                if (crew.running.decrementAndGet() == 0) {
                    Thread caller = crew.waiting;
                    if (caller != null) {
                        LockSupport.unpark(caller);
                    }
                }
            }
        }

        /// Waits for the loop after the `done`th; false if the crew is closed.
        private boolean awaitLoop(int done) {
            long spinUntil = System.nanoTime() + SPIN_NANOS;
            while (true) {
                if (crew.ticket != done) {
                    return true;
                }
                if (crew.closed) {
                    return false;
                }
                if (System.nanoTime() < spinUntil) {
                    Thread.onSpinWait();
                    continue;
                }
                parked = true;
                if (crew.ticket == done && !crew.closed) {
                    LockSupport.park(crew);
                }
                parked = false;
            }
        }
    }
}
