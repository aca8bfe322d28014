#include "app/run_report.h"

#include <fmt/format.h>

#include "core/time_format.h"

namespace tenure::app {
namespace {

std::string text_of(const core::JsonObject& object, std::string_view key) {
  const core::Json* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return "-";
  if (value->is_string()) return std::string(value->get_string());
  if (value->is_bool()) return value->get_bool() ? "yes" : "no";
  if (value->is_double()) return fmt::format("{:.4f}", value->get_double());
  return core::to_text(*value);
}

std::string metrics_table(const core::JsonObject& metrics) {
  constexpr std::pair<const char*, const char*> kRows[] = {
      {"cv_auc_mean", "ROC AUC, cross-validated"},
      {"cv_auc_sd", "its deviation between folds"},
      {"test_auc", "ROC AUC, test rows"},
      {"average_precision", "Average precision"},
      {"log_loss", "Log loss"},
      {"brier", "Brier score"},
      {"ece", "Calibration error (ECE, 10 bins)"},
      {"top_decile_lift", "Lift of the top tenth"},
  };
  std::string text = "| Metric | Value |\n|---|---:|\n";
  for (const auto& [key, title] : kRows)
    if (metrics.contains(key)) text += fmt::format("| {} | {} |\n", title, text_of(metrics, key));
  return text;
}

}  // namespace

std::string render_run_report(const core::JsonObject& summary, const std::filesystem::path& project,
                              const std::filesystem::path& page) {
  std::string text =
      fmt::format("# {} version {}\n\n", text_of(summary, "model"), text_of(summary, "version"));
  if (summary.contains("promoted")) {
    const bool is_promoted = summary.at("promoted").as_bool();
    text += fmt::format("**{}**: {}.\n\n", is_promoted ? "Promoted" : "Not promoted",
                        text_of(summary, "why"));
  }
  text += metrics_table(summary.at("metrics").as_object());
  text += "\n| Step | Seconds |\n|---|---:|\n";
  for (const auto& [step, seconds] : summary.at("seconds").as_object())
    text += fmt::format("| {} | {:.2f} |\n", std::string_view(step), seconds.to_number<double>());
  text += fmt::format("\nPipeline run `{}`, tracking run `{}`.\n",
                      text_of(summary, "pipeline_run_id"), text_of(summary, "run_id"));
  std::string plots;
  std::string files;
  for (const core::Json& path : summary.at("wrote").as_array()) {
    const std::filesystem::path file = project / std::string(path.as_string());
    const std::string link = file.lexically_relative(page.parent_path()).generic_string();
    if (file.extension() == ".svg")
      plots += fmt::format("![{}]({})\n", file.stem().string(), link);
    else
      files += fmt::format("- [{}]({})\n", file.filename().string(), link);
  }
  if (!plots.empty()) text += "\n## Plots\n\n" + plots;
  return text + "\n## Files\n\n" + files;
}

}  // namespace tenure::app
