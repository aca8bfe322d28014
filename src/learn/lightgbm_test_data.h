#pragma once

#include <string>

// A model text of LightGBM that tests of this folder share.

namespace tenure::learn::testing {

/// Three trees with every missing type and a category set; written for these tests, scores taken
/// from LightGBM 4.6.
inline std::string small_lightgbm() {
  return R"(tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=3
objective=binary sigmoid:1
feature_names=tenure charge plan score
feature_infos=[0:72] [0:100] 0:1:3:35 [-5:5]

Tree=0
num_leaves=4
num_cat=0
split_feature=0 1 3
split_gain=3 2 1
threshold=10.5 0.29999999999999999 -1.5
decision_type=10 8 4
left_child=1 -1 -3
right_child=2 -2 -4
leaf_value=0.1 -0.2 0.4 -0.3
leaf_count=25 35 30 10
internal_count=100 60 40
is_linear=0
shrinkage=1

Tree=1
num_leaves=2
num_cat=1
split_feature=2
split_gain=1
threshold=0
decision_type=1
left_child=-1
right_child=-2
leaf_value=0.25 -0.15
leaf_count=30 70
internal_count=100
cat_boundaries=0 2
cat_threshold=10 8
is_linear=0
shrinkage=1

Tree=2
num_leaves=3
num_cat=0
split_feature=1 3
split_gain=1 1
threshold=1.0000000180025095e-35 0
decision_type=2 6
left_child=1 -1
right_child=-2 -3
leaf_value=0.05 -0.07 0.33
leaf_count=40 40 20
internal_count=100 60
is_linear=0
shrinkage=1

end of trees
)";
}

}  // namespace tenure::learn::testing
