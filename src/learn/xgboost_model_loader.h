#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "learn/model_document.h"
#include "learn/tree_model.h"

namespace tenure::learn {

struct TreeModelBuilder;

/// Makes a TreeModel of an XGBoost model document, as versions 1.0 to 3.5 write it: boosters gbtree
/// and dart (its weights in any of the three places they have had) and gblinear, categorical
/// splits, several classes, base_score as number or list. `cats` (3.1+), the dictionary of
/// categories, is not needed: rows come encoded. Errors: kCorruption naming tree and node;
/// kUnimplemented for vector leaves and objectives whose output is not known exactly. Source:
/// dmlc/xgboost src/learner.cc, src/gbm/gbtree_model.cc, src/gbm/gbtree.cc,
/// src/gbm/gblinear_model.cc, src/tree/tree_model.cc.
core::Result<TreeModel> load_xgboost_model(const DocumentValue& document);

/// Reads the binary form ("deprecated" since 1.7, removed in 3.1), with or without its "binf" in
/// front. There are no categories and no feature names in it. Errors: as above, with the byte
/// offset.
core::Result<TreeModel> load_xgboost_binary(std::string_view bytes);

/// Whether the bytes look like the binary form: its header and the two names behind it.
bool is_xgboost_binary(std::string_view bytes);

/// An objective of XGBoost: what its base_score means and how its output is made.
struct XgboostObjective {
  Objective objective;
  enum class Link : std::uint8_t { kIdentity, kLogit, kLog } link;
};

/// std::nullopt for an unknown name.
std::optional<XgboostObjective> find_xgboost_objective(std::string_view name);

/// The margin before the first tree for a base_score, in float32 as XGBoost computes it.
float base_margin_of(XgboostObjective::Link link, float base_score);

/// What the head of a model says, in every form of the file.
struct XgboostHead {
  std::string objective;
  std::size_t features = 0;
  std::int64_t classes = 0;
  std::int64_t targets = 1;
  std::vector<float> base_scores;       ///< one, or one for each output
  bool is_margin = false;               ///< base scores are margins already: files before 1.0
  bool is_clamped = false;              ///< probabilities are kept off 0 and 1: from 3.2 on
  std::vector<std::string> names = {};  ///< of the features, or none
};

/// Hands the head to the builder. Errors: kUnimplemented for an unknown objective; kCorruption for
/// a base score that has no finite margin, or too many of them.
core::Result<> describe_xgboost(XgboostHead head, TreeModelBuilder& builder);

/// Weights of gblinear: feature × group, then a bias per group. Errors: kCorruption.
core::Result<> set_xgboost_weights(std::vector<float> weights, TreeModelBuilder& builder);

/// Limits of what a file may claim.
inline constexpr std::int64_t kXgboostFeaturesMax = 4'000'000;
inline constexpr std::int64_t kXgboostGroupsMax = 65'536;

/// Reads "5E-1", "[3.1E-1]" or "[a,b,c]". Errors: kCorruption with the text.
core::Result<std::vector<float>> parse_base_score(std::string_view text);

}  // namespace tenure::learn
