#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "tracking/experiments.h"
#include "tracking/logged_models.h"
#include "tracking/metric_history.h"
#include "tracking/run.h"
#include "tracking/run_listing.h"
#include "tracking/search/searches.h"

// MLflow's entities as JSON text, appended to an answer without a tree between: a page of runs is
// megabytes. int64 are numbers; doubles always have a fraction or an exponent, NaN is "NaN"; what
// is not set is left out (mlflow.md §1.3).
namespace tenure::api::mlflow {

/// Writes `{"a": 1, "b": "x"}` member after member. A member whose value is made by other functions
/// begins with key().
class ObjectText {
 public:
  explicit ObjectText(std::string& out) : out_(out) { out_ += '{'; }
  std::string& key(std::string_view name);  ///< name is plain ASCII
  void text(std::string_view name, std::string_view value);
  void text_if_any(std::string_view name, std::string_view value);  ///< left out when ""
  void integer(std::string_view name, std::int64_t value);
  void boolean(std::string_view name, bool value);
  /// [{"key": ..., "value": ...}]; left out when empty.
  void pairs_if_any(std::string_view name, const std::map<std::string, std::string>& pairs);
  /// A list, each item appended by `append(out, item)`; left out when empty.
  template <class Items, class Append>
  void list_if_any(std::string_view name, const Items& items, Append append) {
    if (items.empty()) return;
    key(name) += '[';
    bool is_first = true;
    for (const auto& item : items) {
      if (!is_first) out_ += ',';
      is_first = false;
      append(out_, item);
    }
    out_ += ']';
  }
  void end() { out_ += '}'; }

 private:
  std::string& out_;
  bool is_first_ = true;
};

void append_integer(std::string& out, std::int64_t value);
void append_number(std::string& out, double value);

/// Values of one metric as an item of "metrics": what they share is written once.
class PointText {
 public:
  /// With a run's id where the answer tells it.
  explicit PointText(std::string_view key, std::string_view run_id = {});
  void append(std::string& out, const tracking::MetricPoint& point) const;

 private:
  std::string head_;  ///< {"key":"loss","value":
  std::string tail_;
};

void append_experiment(std::string& out, const tracking::Experiment& experiment);
void append_run_info(std::string& out, const tracking::Run& run);
/// runs/create answers without outputs.
void append_run(std::string& out, const tracking::Run& run, bool has_outputs = true);
void append_run(std::string& out, const tracking::ListedRun& listed);
/// With model and data set, which answers about runs leave empty.
void append_metric(std::string& out, const tracking::Metric& metric);
void append_logged_model(std::string& out, const tracking::LoggedModel& model);
void append_dataset_summary(std::string& out, const tracking::DatasetSummary& summary);

}  // namespace tenure::api::mlflow
