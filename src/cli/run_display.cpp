#include "cli/run_display.h"

#include <fmt/format.h>

#include "cli/console.h"
#include "cli/render.h"
#include "core/time_format.h"

namespace tenure::cli {

void RunDisplay::on_step(const app::RunRecord& run, const app::StepRecord& step) {
  using State = app::StepState;
  bar_.reset();
  if (step.state == State::kRunning) {
    if (step.attempt > 1)
      write_message(fmt::format("  ↻ {}: attempt {} ({})\n", step.name, step.attempt, step.error));
    step_ = step.name;
    bar_ = std::make_unique<core::ProgressBar>(step.name, 0);
    return;
  }
  std::size_t width = 0;
  for (const app::StepRecord& other : run.steps) width = std::max(width, other.name.size());
  const auto line = [&](std::string_view mark, std::string_view text) {
    const std::string seconds =
        step.ended > step.started && step.state != State::kReused
            ? core::format_duration(static_cast<double>(step.ended - step.started) / 1e6)
            : "";
    write_message(fmt::format("  {} {:<{}}  {:>8}  {}\n", mark, step.name, width, seconds, text));
  };
  if (step.state == State::kSucceeded) line("✓", step.result.summary);
  if (step.state == State::kReused) line("=", step.result.summary + " (kept)");
  if (step.state == State::kFailed) line("✗", step.error);
  if (step.state == State::kCancelled) line("✗", "cancelled");
}

void RunDisplay::on_progress(const app::StepRecord& step, std::uint64_t done, std::uint64_t total,
                             std::string_view note) {
  if (!bar_ || step_ != step.name) return;
  bar_->update(done, total, note);
}

std::string render_run_summary(const core::JsonObject& summary) {
  const core::Json* metrics_value = summary.if_contains("metrics");
  const core::JsonObject metrics =
      metrics_value != nullptr ? metrics_value->as_object() : core::JsonObject{};
  std::string text = "\n";
  std::vector<std::pair<std::string, std::string>> rows;
  if (summary.contains("version"))
    rows.emplace_back(
        "model", fmt::format("{} version {}", field(summary, "model"), field(summary, "version")));
  if (summary.contains("promoted"))
    rows.emplace_back("promoted",
                      fmt::format("{}: {}", field(summary, "promoted"), field(summary, "why")));
  if (metrics.contains("cv_auc_mean")) {
    rows.emplace_back("cross-validation", fmt::format("AUC {} ± {}", field(metrics, "cv_auc_mean"),
                                                      field(metrics, "cv_auc_sd")));
  }
  if (metrics.contains("test_auc")) {
    rows.emplace_back(
        "test rows",
        fmt::format("AUC {}, average precision {}, log loss {}, Brier {}, ECE {}",
                    field(metrics, "test_auc"), field(metrics, "average_precision"),
                    field(metrics, "log_loss"), field(metrics, "brier"), field(metrics, "ece")));
    rows.emplace_back("top tenth", fmt::format("{} times the average churn rate",
                                               field(metrics, "top_decile_lift", 2)));
  }
  const core::Json* total = summary.if_contains("seconds_total");
  if (total != nullptr && total->is_number())
    rows.emplace_back("time", core::format_duration(total->to_number<double>()));
  if (const core::Json* report = summary.if_contains("report"))
    rows.emplace_back("report", std::string(report->as_string()));
  return text + key_values(rows);
}

}  // namespace tenure::cli
