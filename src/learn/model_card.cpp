#include "learn/model_card.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace tenure::learn {
namespace {

/// Text as Markdown shows it literally, on one line.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == '\t') {
      out += ' ';
      continue;
    }
    if (c == '<') {
      out += "&lt;";
      continue;
    }
    if (std::string_view("\\`*_[]|#>!~&").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string stated(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos ? "*not stated*"
                                                                     : escaped(text);
}

std::string percent(double share) {
  return fmt::format("{:.1f} %", share * 100);
}

double rate(std::int64_t positives, std::int64_t rows) {
  return rows == 0 ? 0 : static_cast<double>(positives) / static_cast<double>(rows);
}

/// One column of the table of metrics.
std::vector<std::string> metric_column(const Evaluation& e, const std::string& auc) {
  const double base = rate(e.positives, e.rows);
  return {fmt::format("{}", e.rows),
          percent(base),
          auc,
          fmt::format("{:.4f} (base rate {:.4f})", e.average_precision, base),
          fmt::format("{:.4f}", e.log_loss),
          fmt::format("{:.4f}", e.brier),
          fmt::format("{:.4f}", e.ece),
          fmt::format("{:.4f}", e.ks),
          fmt::format("{:.2f}", e.top_decile_lift)};
}

std::string metrics_section(const ModelCard& card) {
  constexpr const char* kNames[] = {"Rows",
                                    "Base rate",
                                    "ROC AUC",
                                    "Average precision",
                                    "Log loss",
                                    "Brier score",
                                    "Calibration error (ECE, 10 bins)",
                                    "KS",
                                    "Lift of the top tenth"};
  const auto validated = metric_column(card.cross_validation,
                                       fmt::format("{:.4f} ± {:.4f}", card.auc_mean, card.auc_sd));
  const bool has_test = card.test.rows > 0;
  const auto held_out = metric_column(card.test, fmt::format("{:.4f}", card.test.auc));
  std::string text =
      fmt::format("| Metric | Cross-validation, {} folds |{}\n|---|---|{}\n", card.folds,
                  has_test ? " Held-out rows |" : "", has_test ? "---|" : "");
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    text += fmt::format("| {} | {} |{}\n", kNames[i], validated[i],
                        has_test ? " " + held_out[i] + " |" : "");
  text += "\nA model that knows nothing has ROC AUC 0.5 and the base rate as average precision.\n";
  if (!has_test) text += "No rows were held out; all numbers are of cross-validation.\n";
  return text;
}

std::string decision_section(const ModelCard& card) {
  const Evaluation& e = card.test.rows > 0 ? card.test : card.cross_validation;
  const Confusion& c = e.confusion;
  const std::string positive = escaped(card.positive), negative = escaped(card.negative);
  std::string text =
      fmt::format("The decision is **{}** from a probability of **{:.4g}** on, else **{}**.\n",
                  positive, card.threshold, negative);
  if (e.threshold != card.threshold)
    text += fmt::format("The counts below were taken at {:.4g}.\n", e.threshold);
  text += fmt::format(
      "\n| Outcome | Decision {} | Decision {} |\n|---|---|---|\n| {} | {} | {} |\n| {} | {} | {} "
      "|\n\n",
      negative, positive, negative, c.true_negative, c.false_positive, positive, c.false_negative,
      c.true_positive);
  text += fmt::format("Precision {:.3f}, recall {:.3f}, F1 {:.3f}, accuracy {:.3f} on {}.\n",
                      c.precision(), c.recall(), c.f1(), c.accuracy(),
                      card.test.rows > 0 ? "held-out rows" : "out-of-fold predictions");
  return text;
}

std::string limits_section(const ModelCard& card) {
  std::string text = stated(card.limits) + "\n\n";
  text += fmt::format(
      "- Numbers hold for customers like those of the training rows ({}); watch drift before "
      "trusting them elsewhere.\n",
      stated(card.training_window));
  text +=
      "- A probability of churn says who may leave, not whom an offer would keep: that needs a "
      "control group.\n"
      "- Importance tells what the trees split on; it is no cause.\n";
  if (card.auc_mean > 0.95)
    text +=
        "- **A ROC AUC above 0.95 is rare for churn. Check the inputs for what is known only after "
        "the customer left.**\n";
  if (std::min(card.training_positives, card.training_rows - card.training_positives) < 100)
    text += "- **Fewer than 100 rows of one class: the estimates above are rough.**\n";
  return text;
}

std::string ethics_section(const ModelCard& card) {
  std::string text = stated(card.ethical_considerations) + "\n\n";
  if (card.sensitive_inputs.empty()) {
    text += "No input was named as sensitive.\n";
  } else {
    text += "Sensitive inputs: ";
    for (std::size_t i = 0; i < card.sensitive_inputs.size(); ++i)
      text += (i == 0 ? "" : ", ") + escaped(card.sensitive_inputs[i]);
    text += ". Compare selection and error rates between their groups before acting on scores.\n";
  }
  return text;
}

std::string importance_section(const ModelCard& card) {
  constexpr std::size_t kShown = 10;
  if (card.importance.empty() || card.importance.front().share <= 0)
    return "The model carries no statistics of its splits.\n";
  std::string text = "| Feature | Share of the gain |\n|---|---|\n";
  for (std::size_t i = 0; i < std::min(card.importance.size(), kShown); ++i)
    text += fmt::format("| {} | {} |\n", escaped(card.importance[i].name),
                        percent(card.importance[i].share));
  return text;
}

std::string data_section(const ModelCard& card) {
  std::string inputs;
  for (std::size_t i = 0; i < card.inputs.size(); ++i)
    inputs += (i == 0 ? "" : ", ") + escaped(card.inputs[i]);
  return fmt::format(
      "- Version: {}\n- Observed: {}\n- Rows: {}, of them {} {} ({})\n- Inputs ({}): {}\n"
      "- Licence: {}\n",
      stated(card.data_version), stated(card.training_window), card.training_rows,
      card.training_positives, escaped(card.positive),
      percent(rate(card.training_positives, card.training_rows)), card.inputs.size(), inputs,
      stated(card.licence));
}

}  // namespace

std::string to_markdown(const ModelCard& card) {
  std::string text = fmt::format("# Model card: {}\n", stated(card.name));
  const auto section = [&](std::string_view title, std::string_view body) {
    text += fmt::format("\n## {}\n\n{}", title, body);
    if (!body.ends_with('\n')) text += '\n';
  };
  std::string details =
      fmt::format("- Run: {}\n- Created: {}\n- Owner: {}\n- Kind: {}\n", stated(card.run_id),
                  stated(card.created), stated(card.owner), stated(card.architecture));
  if (!card.params.empty()) {
    details += "- Parameters:";
    for (const auto& [name, value] : card.params)
      details += fmt::format(" {} = {};", escaped(name), escaped(value));
    details.back() = '\n';
  }
  section("Details", details);
  section("Intended use", fmt::format("{}\n\nOut of scope: {}\n", stated(card.intended_use),
                                      stated(card.out_of_scope)));
  section("Label", stated(card.label_definition));
  section("Training data", data_section(card));
  section("Metrics", metrics_section(card));
  section("Decision", decision_section(card));
  section("What the model looks at", importance_section(card));
  if (!card.plots.empty()) {
    std::string images;
    for (const std::string& plot : card.plots)
      images += fmt::format("![{}]({})\n", escaped(plot.substr(0, plot.find('.'))), plot);
    section("Plots", images);
  }
  section("Limits", limits_section(card));
  section("Ethical considerations", ethics_section(card));
  return text;
}

}  // namespace tenure::learn
