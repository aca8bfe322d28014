#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/result.h"
#include "learn/report.h"

namespace tenure::learn {

struct PlotWords {
  std::string model;               ///< in the corner of each plot; may be empty
  std::string positive = "churn";  ///< words for the two classes
  std::string negative = "stay";
};

struct PlotFiles {
  std::vector<std::filesystem::path> files;  ///< in the order of the model card
  std::string note;                          ///< why there are none, when gnuplot is not installed
};

/// Draws roc.svg, precision_recall.svg, calibration.svg, confusion_matrix.svg and, where the report
/// has them, feature_importance.svg and profit.svg into `folder`. gnuplot is an optional program:
/// without it nothing is written, `note` says so, and it is no error. Errors: kUnavailable when
/// gnuplot fails.
core::Result<PlotFiles> write_plots(const EvaluationReport& report, const PlotWords& words,
                                    const std::filesystem::path& folder);

}  // namespace tenure::learn
