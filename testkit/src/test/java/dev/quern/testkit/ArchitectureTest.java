package dev.quern.testkit;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/// The import table of ARCHITECTURE.md, as a test.
class ArchitectureTest {
    private static final JavaClasses QUERN = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.quern");

    /// Which of our packages each package may use. What is missing here is forbidden.
    private static final Map<String, Set<String>> MAY_USE = Map.ofEntries(
            Map.entry("core", Set.of()),
            Map.entry("formats", Set.of("core")),
            Map.entry("text", Set.of("core")),
            Map.entry("hub", Set.of("core", "formats")),
            Map.entry("kernels", Set.of("core")),
            Map.entry("models", Set.of("core", "formats", "text")),
            Map.entry("torch", Set.of("core", "models")),
            Map.entry("methods", Set.of("core", "formats", "text", "kernels", "models", "torch")),
            Map.entry("runtime", Set.of("core", "formats", "text", "kernels", "models")),
            Map.entry("eval", Set.of("core", "formats", "text", "kernels", "models", "runtime")),
            Map.entry(
                    "demo",
                    Set.of("core", "formats", "text", "kernels", "models", "torch", "methods", "runtime", "eval")),
            Map.entry(
                    "cli",
                    Set.of(
                            "core", "formats", "text", "hub", "kernels", "models", "torch", "methods", "runtime",
                            "eval", "demo")),
            Map.entry(
                    "testkit",
                    Set.of(
                            "core", "formats", "text", "hub", "kernels", "models", "torch", "methods", "runtime",
                            "eval", "demo", "cli")));

    @Test
    void everyPackageUsesOnlyWhatTheTableAllows() {
        Map<String, Set<String>> found = new TreeMap<>();
        for (JavaClass type : QUERN) {
            String from = module(type);
            for (var dependency : type.getDirectDependenciesFromSelf()) {
                JavaClass target = dependency.getTargetClass().getBaseComponentType();
                String to = module(target);
                if (!to.isEmpty()
                        && !to.equals(from)
                        && !MAY_USE.getOrDefault(from, Set.of()).contains(to)) {
                    found.computeIfAbsent(from + " → " + to, _ -> new TreeSet<>())
                            .add(type.getSimpleName() + " uses " + target.getSimpleName());
                }
            }
        }
        assertThat(found).isEmpty();
    }

    @Test
    void packagesHaveNoCycles() {
        slices().matching("dev.quern.(*)..").should().beFreeOfCycles().check(QUERN);
    }

    @Test
    void nativeAndIncubatingLibrariesStayInTheirModules() {
        only("dev.quern.kernels", "jdk.incubator.vector..");
        only("dev.quern.torch", "org.bytedeco..");
        only("dev.quern.text", "ai.djl..");
        only("dev.quern.methods", "org.snakeyaml..");
        only("dev.quern.cli", "picocli..", "me.tongfei..");
    }

    @Test
    void onlyTheCommandLinePrints() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.quern.cli..")
                .should()
                .accessField(System.class, "out")
                .orShould()
                .accessField(System.class, "err")
                .check(QUERN);
    }

    @Test
    void failuresHaveTypesOfTheirOwn() {
        noClasses()
                .that()
                .areNotAssignableTo(RuntimeException.class)
                .should()
                .callConstructor(RuntimeException.class, String.class)
                .orShould()
                .callConstructor(RuntimeException.class, Throwable.class)
                .orShould()
                .callConstructor(RuntimeException.class, String.class, Throwable.class)
                .check(QUERN);
    }

    @Test
    void namesSayWhatAThingIs() {
        noClasses()
                .should()
                .haveSimpleNameEndingWith("Util")
                .orShould()
                .haveSimpleNameEndingWith("Utils")
                .orShould()
                .haveSimpleNameEndingWith("Manager")
                .orShould()
                .haveSimpleNameEndingWith("Impl")
                .orShould()
                .haveSimpleNameEndingWith("Helper")
                .check(QUERN);
    }

    @Test
    void everyPackageForbidsNullUnlessItSaysSo() {
        classes()
                .that(resideInAPackage("dev.quern.."))
                .and()
                .haveSimpleName("package-info")
                .should()
                .beAnnotatedWith("org.jspecify.annotations.NullMarked")
                .check(QUERN);
        Set<String> packages = QUERN.stream().map(JavaClass::getPackageName).collect(Collectors.toSet());
        Set<String> marked = QUERN.stream()
                .filter(c -> c.getSimpleName().equals("package-info"))
                .map(JavaClass::getPackageName)
                .collect(Collectors.toSet());
        assertThat(packages).allMatch(marked::contains, "has a package-info.java");
    }

    @Test
    void registriesAreComplete() {
        complete("dev.quern.models.Architecture", dev.quern.models.Architectures.ALL);
        complete("dev.quern.kernels.LinearKernel", dev.quern.kernels.Kernels.ALL);
        complete("dev.quern.methods.Method", dev.quern.methods.Methods.ALL);
        complete("dev.quern.formats.CheckpointFormat", dev.quern.formats.Formats.ALL);
        complete("dev.quern.eval.ChoiceTask", dev.quern.eval.ChoiceTask.ALL);
        // its entries read settings, one for each layout
        long layouts = QUERN.stream()
                .filter(c -> c.isAssignableTo("dev.quern.formats.WeightLayout") && !c.isInterface())
                .count();
        assertThat(dev.quern.formats.WeightLayouts.ALL).hasSize(Math.toIntExact(layouts));
    }

    @Test
    void theseRulesSawTheWholeProject() {
        assertThat(QUERN.size()).isGreaterThan(150);
        assertThat(QUERN.stream().map(ArchitectureTest::module).collect(Collectors.toSet()))
                .isEqualTo(MAY_USE.keySet());
    }

    /// Every concrete class that implements `type` is an entry of its registry.
    private static void complete(String type, List<?> registry) {
        Set<String> registered =
                registry.stream().map(e -> e.getClass().getName()).collect(Collectors.toSet());
        Set<String> written = QUERN.stream()
                .filter(c -> c.isAssignableTo(type) && !c.isInterface())
                .filter(c -> !c.getModifiers().contains(JavaModifier.ABSTRACT))
                .filter(c -> !c.isAnonymousClass())
                .map(JavaClass::getName)
                .collect(Collectors.toSet());
        assertThat(written).isNotEmpty();
        assertThat(registered).containsAll(written);
    }

    private static void only(String owner, String... libraries) {
        noClasses()
                .that()
                .resideOutsideOfPackage(owner + "..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(libraries)
                .check(QUERN);
    }

    /// `core` for `dev.quern.core.Tensor`; empty for foreign classes.
    private static String module(JavaClass type) {
        String name = type.getPackageName();
        return name.startsWith("dev.quern.") ? name.substring("dev.quern.".length()) : "";
    }
}
