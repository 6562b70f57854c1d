package dev.quern.methods;

import dev.quern.core.ActivationScheme;
import dev.quern.core.QuantScheme;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import dev.quern.models.Norm;
import dev.quern.models.Stage;
import dev.quern.torch.Torch;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import dev.quern.torch.TorchWeights;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Learns transforms and ranges of one block and merges them: what OmniQuant and AffineQuant share.
///
/// Goes down a ladder of designs, the richest first: one whose training gives up, or whose merge is not exact, makes
/// way for the next, and the last is the block as it was. What was learned is kept only where it beats its own diagonal
/// form and plain rounding on sequences that were not trained on, or where the method that follows says so.
final class TransformTraining {
    private static final System.Logger LOG = System.getLogger(TransformTraining.class.getName());
    private static final double MAX_RESIDUAL = 1e-10;
    /// Sequences that starts are compared on.
    private static final int FEW = 4;
    /// Shares of what was learned that are tried before a weight method that knows its inputs' moments, until it gets
    /// worse.
    private static final double[] STRENGTHS = {0.25, 0.5, 1};
    /// About which share of the time is gone when the start is chosen.
    private static final double STARTED = 0.1;

    /// One rung of the ladder.
    interface Design {
        /// The name in reports.
        String name();

        /// New sites at their start, given what the block's Linears read.
        List<LearnedSite> sites(BlockTask task, ScaleSearch scales, ScaleSearch.Start start);
    }

    /// What is learned beside the sites. With `starts` several are tried and the best by the training loss is taken;
    /// otherwise scales start from SmoothQuant's balance and ranges almost whole, as in the papers.
    record Options(
            TrainingPlan plan, int tokens, boolean clips, boolean starts, boolean tokenwise, boolean augmented) {}

    /// A block at a start of its training.
    private record Candidate(TrainedBlock block, List<LearnedSite> sites, Map<Linear, LinearClip> clips) {}

    private final BlockTask task;
    private final Options options;
    private final BlockTrainer.Fault fault;
    private final TrainingSequences sequences;
    private final List<String> notes = new ArrayList<>();

    TransformTraining(BlockTask task, Options options, BlockTrainer.Fault fault) {
        this.task = task;
        this.options = options;
        this.fault = fault;
        this.sequences = new TrainingSequences(task, options.tokens());
    }

    /// Changes the task's parameters and tells what came of it.
    BlockOutcome run(List<Design> ladder) {
        if (scheme().isEmpty() && !activations(task).quantizes()) {
            return new BlockOutcome(
                    Double.NaN, Double.NaN, Map.of(), "identity: what follows has no grid to train for", notes);
        }
        BlockObjective objective = new BlockObjective(task, sequences, options.tokenwise(), options.augmented());
        SiteStatistics statistics = SiteStatistics.of(task, sequences);
        ScaleSearch scales = new ScaleSearch(task, statistics, scheme());
        for (Design design : ladder) {
            BlockOutcome outcome =
                    TorchScope.call(() -> attempt(design, objective, statistics, scales, ladder.getFirst()));
            if (outcome != null) {
                return outcome;
            }
            notes.add("gave up " + design.name());
            LOG.log(
                    System.Logger.Level.WARNING,
                    "block {0}: gave up {1}",
                    task.block().layer(),
                    design.name());
        }
        return new BlockOutcome(Double.NaN, Double.NaN, Map.of(), "identity: no training succeeded", notes);
    }

    private @Nullable BlockOutcome attempt(
            Design design, BlockObjective objective, SiteStatistics statistics, ScaleSearch scales, Design wanted) {
        task.status().at("choosing a start", 0);
        Candidate start = start(design, objective, statistics, scales);
        TrainedBlock block = start.block();
        double plain = block.plainLoss(sequences.judged());
        BlockTask told = task.withStatus(task.status().within(STARTED, trained()));
        BlockTrainer trainer = new BlockTrainer(block, told, sequences, options.plan(), fault);
        BlockTrainer.Snapshot best = trainer.train();
        if (best == null) {
            return null;
        }
        String fallback = design == wanted ? null : design.name();
        double loss = best.loss();
        double diagonal = diagonalLoss(block, best);
        if (diagonal < loss) {
            block.learned().forEach(one -> one.shrink(0));
            loss = diagonal;
            notes.add("the diagonal form was better");
            fallback = "diagonal";
        }
        if (!(loss < plain)) {
            notes.add("plain rounding was better");
            // a method that knows its inputs' moments has the last word
            if (task.trial() == null) {
                return new BlockOutcome(plain, plain, Map.of(), "identity", notes);
            }
        }
        Map<String, Double> figures = new HashMap<>();
        if (!mergeBest(start, best.epoch(), figures)) {
            return null;
        }
        figures.put("steps", (double) trainer.steps());
        if (trainer.retries() > 0) {
            notes.add(trainer.retries() + " times the training went back to its best state");
        }
        return new BlockOutcome(plain, loss, figures, fallback, notes);
    }

    /// The start with the smallest loss on the first sequences of the training.
    private Candidate start(Design design, BlockObjective objective, SiteStatistics statistics, ScaleSearch scales) {
        if (!options.starts()) {
            return candidate(objective, design.sites(task, scales, ScaleSearch.Start.BALANCED));
        }
        int[] training = sequences.pool();
        int[] few = Arrays.copyOf(training, Math.min(FEW, training.length));
        Candidate best = null;
        double least = Double.POSITIVE_INFINITY;
        for (ScaleSearch.Start start : ScaleSearch.Start.values()) {
            if (start == ScaleSearch.Start.BALANCED && !activations(task).quantizes()) {
                continue;
            }
            for (boolean searched : options.clips() ? new boolean[] {false, true} : new boolean[] {false}) {
                Candidate candidate = candidate(objective, design.sites(task, scales, start));
                if (searched) {
                    candidate.block().searchClips(statistics);
                }
                double loss = candidate.block().loss(few, 0);
                if (best == null || loss < least) {
                    best = candidate;
                    least = loss;
                }
            }
        }
        return Objects.requireNonNull(best);
    }

    private Candidate candidate(BlockObjective objective, List<LearnedSite> sites) {
        Map<Linear, LinearClip> clips = clips();
        return new Candidate(new TrainedBlock(task, objective, inputs(), sites, clips, options.clips()), sites, clips);
    }

    /// The held-out loss without off-diagonals; infinite where there are none.
    private double diagonalLoss(TrainedBlock block, BlockTrainer.Snapshot best) {
        List<Learned> matrices = block.learned().stream()
                .filter(one -> one.part() == Learned.Part.MATRIX)
                .toList();
        if (matrices.isEmpty()) {
            return Double.POSITIVE_INFINITY;
        }
        List<double[]> kept = matrices.stream().map(one -> one.values().clone()).toList();
        matrices.forEach(one -> one.shrink(0));
        double loss = block.loss(sequences.judged(), best.epoch());
        for (int i = 0; i < kept.size(); i++) {
            System.arraycopy(kept.get(i), 0, matrices.get(i).values(), 0, kept.get(i).length);
        }
        return loss;
    }

    /// About which share of the time is gone when the training ends; what is tried then takes the rest.
    private double trained() {
        return task.trial() == null ? 1 : 0.7;
    }

    private Optional<QuantScheme> scheme() {
        return switch (task.target().weights()) {
            case WeightFormat.Grouped grouped -> Optional.of(grouped.scheme());
            case Int8Format _ -> Optional.of(new QuantScheme(8, 0, true));
            case WeightFormat.Vectored _, TableFormat _ -> Optional.empty();
        };
    }

    private Map<Linear, LinearClip> clips() {
        Map<Linear, LinearClip> clips = new LinkedHashMap<>();
        scheme().ifPresent(scheme ->
                task.selected().forEach(linear -> clips.put(linear, new LinearClip(linear, scheme))));
        return clips;
    }

    /// What the inputs of Linears will be held in.
    static ActivationScheme activations(BlockTask task) {
        return task.target().activations().scheme();
    }

    /// What quantizes activations in training: a range for each token, also where one range will be stored.
    private TorchWeights inputs() {
        ActivationScheme scheme = task.target().activations().perToken();
        Map<Linear, LinearInput> inputs = new HashMap<>();
        for (Stage stage : task.block().stages()) {
            Linear first = stage.linears().getFirst();
            LinearInput input =
                    LinearInput.dynamic(scheme).withTransforms(task.parameters().transforms(first));
            stage.linears().forEach(linear -> inputs.put(linear, input));
        }
        return task.parameters()
                .torch()
                .withInputs(
                        linear -> inputs.getOrDefault(linear, LinearInput.AS_IS),
                        task.target().kv());
    }

    /// Merges what was learned; where a trial tells what the weight method makes of it, at the strength that it
    /// profits from most. What was learned for rounding to nearest is as a rule too much for a method whose later
    /// columns make up for the errors of earlier ones.
    private boolean mergeBest(Candidate start, int epoch, Map<String, Double> figures) {
        BlockTrial trial = task.trial();
        if (trial == null) {
            return merge(start.sites(), start.clips(), epoch, figures);
        }
        List<Learned> learned =
                start.sites().stream().flatMap(site -> site.learned().stream()).toList();
        List<double[]> whole = learned.stream().map(one -> one.values().clone()).toList();
        BlockParameters before = task.parameters().copy();
        BlockParameters best = null;
        double least = Double.POSITIVE_INFINITY;
        for (double strength : learned.isEmpty() ? new double[] {1} : STRENGTHS) {
            for (int i = 0; i < whole.size(); i++) {
                double[] values = learned.get(i).values();
                for (int k = 0; k < values.length; k++) {
                    values[k] = strength * whole.get(i)[k];
                }
            }
            task.parameters().restore(before);
            task.status().at("trying the weights at strength %.2f".formatted(strength), trained());
            Map<String, Double> own = new HashMap<>();
            if (!merge(start.sites(), start.clips(), epoch, own)) {
                continue;
            }
            double error = trial.error(task.parameters());
            if (error > least) {
                break;
            }
            least = error;
            best = task.parameters().copy();
            own.put("strength", strength);
            own.put(BlockTrial.FIGURE, error);
            figures.putAll(own);
        }
        task.parameters().restore(best == null ? before : best);
        return best != null;
    }

    /// Puts the transformed parameters, computed in float64, in the place of the task's; false, and nothing changed,
    /// where an inverse is not exact or a number not finite.
    private boolean merge(
            List<LearnedSite> sites, Map<Linear, LinearClip> clips, int epoch, Map<String, Double> figures) {
        BlockParameters before = task.parameters().copy();
        double[] worst = {0, 1, Double.POSITIVE_INFINITY};
        BlockTrainer.matrices(sites, epoch, pair -> {
            worst[0] = Math.max(worst[0], pair.residual());
            worst[1] = Math.max(worst[1], pair.condition());
            worst[2] = Math.min(worst[2], pair.dominanceMargin());
        });
        if (!(worst[0] < MAX_RESIDUAL)) {
            notes.add("an inverse was off by " + worst[0]);
            return false;
        }
        if (Double.isFinite(worst[2])) {
            figures.put("condition", worst[1]);
            figures.put("dominance-margin", worst[2]);
        }
        TorchScope.run(() -> Torch.noGrad(() -> {
            Leaves leaves = Leaves.of(sites, false);
            BlockTensors tensors = BlockTensors.of(task.parameters(), true);
            for (LearnedSite site : sites) {
                if (!(site instanceof LearnedInput)) {
                    site.apply(tensors, leaves, epoch);
                }
            }
            write(tensors);
            for (LearnedSite site : sites) {
                if (site instanceof LearnedInput input) {
                    task.parameters().transformInput(input.linears(), input.transform(leaves, epoch));
                }
            }
            return 0;
        }));
        if (!task.parameters().isFinite()) {
            task.parameters().restore(before);
            notes.add("a merged number was not finite");
            return false;
        }
        if (options.clips() && !task.target().hessian()) {
            clips.forEach((linear, clip) -> clip.clamp(task.parameters().weight(linear), task.parallel()));
        }
        return true;
    }

    private void write(BlockTensors tensors) {
        BlockParameters parameters = task.parameters();
        for (Map.Entry<Linear, TorchTensor> entry : tensors.weights().entrySet()) {
            entry.getValue().copyTo(parameters.weight(entry.getKey()), 0);
        }
        for (Map.Entry<Linear, TorchTensor> entry : tensors.biases().entrySet()) {
            parameters.setBias(entry.getKey(), entry.getValue().toFloats());
        }
        for (Map.Entry<Norm, TorchTensor> entry : tensors.norms().entrySet()) {
            entry.getValue().copyTo(parameters.norm(entry.getKey()), 0);
        }
    }
}
