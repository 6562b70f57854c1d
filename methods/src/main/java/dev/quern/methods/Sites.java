package dev.quern.methods;

import dev.quern.models.Block;
import dev.quern.models.HeadNorms;
import dev.quern.models.Linear;
import dev.quern.models.ModelConfig;
import dev.quern.models.Network;
import dev.quern.models.Norm;
import dev.quern.models.Role;
import dev.quern.models.Stage;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/// Where scales can move in a block, derived from its stages and roles: the one place that knows.
///
/// Norms after a Linear (Gemma's) act on outputs and are no sites.
public final class Sites {
    private Sites() {}

    /// All sites of `block` in the order of computation: norm → q, k, v; q ↔ k; v → o; norm → gate, up; up → down.
    public static List<Site> of(Network network, Block block) {
        List<Site> sites = new ArrayList<>();
        for (Stage stage : block.stages()) {
            Norm norm = stage.norm();
            if (norm != null) {
                sites.add(new NormSite(norm, stage.linears()));
            }
            queryKey(network.config(), stage).ifPresent(sites::add);
            linear(stage, Role.O)
                    .flatMap(o -> find(block, Role.V).map(v -> value(network.config(), v, o)))
                    .ifPresent(sites::add);
            linear(stage, Role.DOWN)
                    .flatMap(down -> find(block, Role.UP).map(up -> new UpSite(up, down)))
                    .ifPresent(sites::add);
        }
        return List.copyOf(sites);
    }

    /// Those that scale the inputs of some Linears: all but q ↔ k.
    public static List<Site> ofInputs(Network network, Block block) {
        return of(network, block).stream()
                .filter(site -> !site.consumers().isEmpty())
                .toList();
    }

    private static Site value(ModelConfig config, Linear v, Linear o) {
        return new ValueSite(v, o, config.nHeads(), config.nKvHeads(), config.headDim());
    }

    private static Optional<Site> queryKey(ModelConfig config, Stage stage) {
        HeadNorms norms = stage.headNorms();
        return linear(stage, Role.Q)
                .flatMap(q -> linear(stage, Role.K)
                        .map(k -> new QueryKeySite(q, k, config.nHeads(), config.nKvHeads(), config.headDim(), norms)));
    }

    private static Optional<Linear> find(Block block, Role role) {
        return block.linears().stream().filter(l -> l.role() == role).findFirst();
    }

    private static Optional<Linear> linear(Stage stage, Role role) {
        return stage.linears().stream().filter(l -> l.role() == role).findFirst();
    }

    static String shortNames(List<Linear> linears) {
        return linears.stream().map(l -> shortName(l.name())).collect(Collectors.joining(", "));
    }

    /// `q_proj` for `model.layers.0.self_attn.q_proj`, also of a norm's parameter.
    static String shortName(String name) {
        String module = name.endsWith(".weight") ? name.substring(0, name.length() - 7) : name;
        return module.substring(module.lastIndexOf('.') + 1);
    }
}
