#pragma once

#include <string_view>

#include "core/result.h"
#include "learn/tree_model.h"

namespace tenure::learn {

/// Whether the bytes begin like a model text of LightGBM.
bool is_lightgbm_text(std::string_view bytes);

/// Makes a float64 TreeModel of a model text of LightGBM, versions v2 to v4. Its rules become ours
/// without loss for every float32 row:
///
/// - `x <= t` with a float64 t is `x < the next float32 after t`. Before it compares, LightGBM
///   takes any |x| <= 1e-35 for 0, so thresholds in that range move to its ends.
/// - Missing type none: NaN is 0, so its side is that of 0. Type zero: NaN and zeros take the
///   default side. Type NaN: NaN takes the default side.
/// - Categories in a node's set go left there, right here: such a node's children change places;
///   NaN goes with the others. Fractions are cut off, so -0.5 is category 0.
///
/// Errors: kCorruption naming the tree and key; kUnimplemented for linear leaves, unknown
/// objectives and missing types, thresholds that are not finite, more than 256 classes. Source:
/// microsoft/LightGBM src/boosting/gbdt_model_text.cpp, src/io/tree.cpp, include/LightGBM/tree.h,
/// src/objective/.
core::Result<TreeModel> load_lightgbm_model(std::string_view text);

/// How raw scores become outputs.
struct LightgbmOutput {
  Objective objective = Objective::kIdentity;
  double sigmoid = 1;  ///< factor in sigmoids
};

/// Reads the value of `objective=`: a name and its parameters. Errors: kUnimplemented for an
/// unknown name, kCorruption for a bad sigmoid.
core::Result<LightgbmOutput> read_lightgbm_objective(std::string_view text);

}  // namespace tenure::learn
