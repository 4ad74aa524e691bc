"""The built-in experiments, one a file."""

from gradsuite import hookimpl
from gradsuite.hookspecs import Register


@hookimpl
def register_experiments(register: Register) -> None:
    """Register the built-in experiments: a report has those of one topic in this order."""
    register("gradient-time", "gradsuite_experiments.gradient_flow.time:GradientTime")
    register("adding", "gradsuite_experiments.learning.experiment:Adding")
    register("agreement", "gradsuite_experiments.agreement.experiment:Agreement")
    register("clip-threshold", "gradsuite_experiments.clip_threshold.experiment:ClipThreshold")
    register("clipping", "gradsuite_experiments.clipping.experiment:Clipping")
    register("copy", "gradsuite_experiments.learning.experiment:CopyMemory")
    register("critical-gain", "gradsuite_experiments.critical_gain.experiment:CriticalGain")
    register("driven-rnn", "gradsuite_experiments.driven_rnn.experiment:DrivenRnn")
    register("exact-depth", "gradsuite_experiments.exact_depth.experiment:ExactDepth")
    register("exact-time", "gradsuite_experiments.exact_time.experiment:ExactTime")
    register("gates", "gradsuite_experiments.gates.experiment:Gates")
    register("gemm", "gradsuite_experiments.gemm.experiment:Gemm")
    register("gradient-depth", "gradsuite_experiments.gradient_flow.depth:GradientDepth")
    register(
        "gradient-during-training",
        "gradsuite_experiments.gradient_during_training.experiment:GradientDuringTraining",
    )
    register("jacobian-spectrum", "gradsuite_experiments.jacobian_spectrum.experiment:JacobianSpectrum")
    register("latch", "gradsuite_experiments.latch.experiment:Latch")
    register("lengths", "gradsuite_experiments.lengths.experiment:Lengths")
    register("linear-recurrence", "gradsuite_experiments.linear_recurrence.experiment:LinearRecurrence")
    register("mean-field", "gradsuite_experiments.mean_field.experiment:MeanFieldDepth")
    register("memory", "gradsuite_experiments.memory.experiment:MemoryTime")
    register("pascanu", "gradsuite_experiments.pascanu.experiment:Pascanu")
    register("phase-time", "gradsuite_experiments.phase_time.experiment:PhaseTime")
    register("precision", "gradsuite_experiments.precision.experiment:Precision")
    register("real-data", "gradsuite_experiments.real_data.experiment:RealData")
    register("remedies", "gradsuite_experiments.remedies.experiment:Remedies")
    register("same-curve", "gradsuite_experiments.same_curve.experiment:SameCurve")
    register("scaling", "gradsuite_experiments.speed.scaling.experiment:Scaling")
    register("scan", "gradsuite_experiments.scan.experiment:Scan")
    register("speed", "gradsuite_experiments.speed.experiment:Speed")
    register("speed-aa", "gradsuite_experiments.speed.aa.experiment:SpeedAa")
    register("time-scale", "gradsuite_experiments.time_scale.experiment:TimeScale")
    register("time-to-target", "gradsuite_experiments.time_to_target.experiment:TimeToTarget")
    register("truncation", "gradsuite_experiments.truncation.experiment:Truncation")
