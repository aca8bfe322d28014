#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "learn/model_document.h"
#include "learn/tree_model.h"

namespace tenure::learn {

/// Makes a TreeModel of an XGBoost model document, as versions 1.0 to 3.5 write it: boosters gbtree
/// and dart (its weights in any of the three places they have had), categorical splits, several
/// classes, base_score as number or list. `cats` (3.1+), the dictionary of categories, is not
/// needed: rows come encoded. Errors: kCorruption naming tree and node; kUnimplemented for
/// gblinear, vector leaves and objectives whose output is not known exactly.
/// Source: dmlc/xgboost src/learner.cc, src/gbm/gbtree_model.cc, src/gbm/gbtree.cc,
/// src/tree/tree_model.cc.
core::Result<TreeModel> load_xgboost_model(const DocumentValue& document);

/// An objective of XGBoost: what its base_score means and how its output is made.
struct XgboostObjective {
  Objective objective;
  enum class Link : std::uint8_t { kIdentity, kLogit, kLog } link;
};

/// std::nullopt for an unknown name.
std::optional<XgboostObjective> find_xgboost_objective(std::string_view name);

/// The margin before the first tree for a base_score, in float32 as XGBoost computes it.
float base_margin_of(XgboostObjective::Link link, float base_score);

/// Reads "5E-1", "[3.1E-1]" or "[a,b,c]". Errors: kCorruption with the text.
core::Result<std::vector<float>> parse_base_score(std::string_view text);

}  // namespace tenure::learn
