#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "learn/importance.h"
#include "learn/metrics.h"

namespace tenure::learn {

/// What a model card says (Mitchell et al., "Model Cards for Model Reporting", 2019). Numbers come
/// from the training; what only a person can know comes from the person, and says "not stated"
/// until then.
struct ModelCard {
  // Details
  std::string name;
  std::string created;  ///< ISO 8601
  std::string run_id;
  std::string architecture;  ///< "XGBoost 1.7.4, 400 rounds, preset stumps"
  std::map<std::string, std::string> params;

  // Given by people
  std::string owner;
  std::string intended_use;
  std::string out_of_scope;
  std::string label_definition;  ///< what counts as churn, and within which horizon
  std::string limits;
  std::string ethical_considerations;
  std::string licence;

  // Data
  std::string data_version;
  std::string training_window;  ///< from when to when the rows were observed
  std::int64_t training_rows = 0;
  std::int64_t training_positives = 0;
  std::vector<std::string> inputs;
  std::vector<std::string> sensitive_inputs;  ///< of the inputs, those named as sensitive

  // Numbers
  int folds = 0;
  double auc_mean = 0, auc_sd = 0;
  Evaluation cross_validation;  ///< means over folds
  Evaluation test;              ///< rows == 0: no rows were held out
  double threshold = 0.5;
  std::string positive = "churn", negative = "stay";
  std::vector<FeatureImportance> importance;
  std::vector<std::string> plots;  ///< file names beside the card
};

/// The card as Markdown: card.md of a model package. Texts of people and names of features are
/// escaped, so they cannot break the page or bring markup of their own.
std::string to_markdown(const ModelCard& card);

}  // namespace tenure::learn
