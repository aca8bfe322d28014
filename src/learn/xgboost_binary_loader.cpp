// The binary form is XGBoost's structures as they lie in memory, little-endian, reserved fields
// included: dmlc/xgboost src/learner.cc (LearnerModelParamLegacy), src/gbm/gbtree_model.h,
// src/gbm/gblinear_model.h, include/xgboost/tree_model.h, of release 1.7.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include <fmt/format.h>

#include "learn/tree_model_builder.h"
#include "learn/xgboost_model_loader.h"

namespace tenure::learn {
namespace {

constexpr std::string_view kMagic = "binf";
constexpr std::size_t kHeadBytes = 136;
constexpr std::size_t kForestBytes = 160;
constexpr std::size_t kTreeBytes = 148;
constexpr std::size_t kNodeBytes = 20;
constexpr std::size_t kStatisticsBytes = 16;
constexpr std::size_t kLinearBytes = 136;
constexpr std::size_t kNameMax = 64;  ///< longest name of an objective or booster, with room

class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}

  std::size_t at() const { return at_; }
  std::size_t left() const { return bytes_.size() - at_; }

  core::Error fail(std::string_view expected) const {
    return core::Error{core::ErrorCode::kCorruption,
                       fmt::format("binary model, byte {}: expected {}", at_, expected)};
  }

  core::Result<std::string_view> take(std::size_t count, std::string_view what) {
    if (count > left()) return fail(fmt::format("{} bytes of {}", count, what));
    const std::string_view taken = bytes_.substr(at_, count);
    at_ += count;
    return taken;
  }

  core::Result<std::string> take_text(std::string_view what) {
    const auto size = take(8, what);
    if (!size) return size.error();
    const auto length = number_at<std::uint64_t>(*size, 0);
    if (length > kNameMax) return fail(fmt::format("{} of at most {} bytes", what, kNameMax));
    const auto text = take(static_cast<std::size_t>(length), what);
    if (!text) return text.error();
    return std::string(*text);
  }

  core::Result<std::vector<float>> take_floats(std::string_view what) {
    const auto size = take(8, what);
    if (!size) return size.error();
    const auto count = number_at<std::uint64_t>(*size, 0);
    if (count > left() / sizeof(float)) return fail(fmt::format("{} {}", count, what));
    const auto raw = take(static_cast<std::size_t>(count) * sizeof(float), what);
    if (!raw) return raw.error();
    std::vector<float> values(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = number_at<float>(*raw, i);
    return values;
  }

  /// The i-th number of a structure that has only such numbers so far.
  template <typename T>
  static T number_at(std::string_view raw, std::size_t i) {
    using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
    Bits bits = 0;
    for (std::size_t byte = sizeof(T); byte-- > 0;) {
      bits = static_cast<Bits>(bits << 8) | static_cast<unsigned char>(raw[i * sizeof(T) + byte]);
    }
    T value;
    std::memcpy(&value, &bits, sizeof(T));
    return value;
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

core::Result<> read_head(Bytes& bytes, TreeModelBuilder& builder, std::string& booster) {
  const auto raw = bytes.take(kHeadBytes, "the head");
  if (!raw) return raw.error();
  XgboostHead head;
  head.base_scores = {Bytes::number_at<float>(*raw, 0)};
  head.features = Bytes::number_at<std::uint32_t>(*raw, 1);
  head.classes = Bytes::number_at<std::int32_t>(*raw, 2);
  head.is_margin = Bytes::number_at<std::uint32_t>(*raw, 5) < 1;
  head.targets = std::max<std::int64_t>(1, Bytes::number_at<std::uint32_t>(*raw, 7));
  if (head.features > static_cast<std::size_t>(kXgboostFeaturesMax)) {
    return bytes.fail(fmt::format("at most {} features", kXgboostFeaturesMax));
  }
  if (head.classes < 0 || head.classes > kXgboostGroupsMax || head.targets > kXgboostGroupsMax) {
    return bytes.fail(fmt::format("at most {} classes", kXgboostGroupsMax));
  }
  auto objective = bytes.take_text("the objective's name");
  if (!objective) return std::move(objective).error();
  head.objective = *std::move(objective);
  auto name = bytes.take_text("the booster's name");
  if (!name) return std::move(name).error();
  booster = *std::move(name);
  return describe_xgboost(std::move(head), builder);
}

core::Result<> read_tree(Bytes& bytes, std::vector<SourceNode>& nodes) {
  const auto raw = bytes.take(kTreeBytes, "a tree's head");
  if (!raw) return raw.error();
  const auto roots = Bytes::number_at<std::int32_t>(*raw, 0);
  const auto count = Bytes::number_at<std::int32_t>(*raw, 1);
  const auto leaf_size = Bytes::number_at<std::int32_t>(*raw, 5);
  if (roots != 1) return bytes.fail(fmt::format("a tree with one root, not {}", roots));
  if (leaf_size > 1) {
    return core::Error{core::ErrorCode::kUnimplemented,
                       fmt::format("its leaves are vectors of {} values", leaf_size)};
  }
  const std::size_t size = kNodeBytes + kStatisticsBytes;
  if (count < 1 || static_cast<std::size_t>(count) > bytes.left() / size) {
    return bytes.fail(fmt::format("a tree of 1 to {} nodes, not {}", bytes.left() / size, count));
  }
  nodes.assign(static_cast<std::size_t>(count), {});
  const auto placed = bytes.take(nodes.size() * kNodeBytes, "nodes");
  if (!placed) return placed.error();
  const auto counted = bytes.take(nodes.size() * kStatisticsBytes, "statistics of nodes");
  if (!counted) return counted.error();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    SourceNode& node = nodes[i];
    const std::string_view place = placed->substr(i * kNodeBytes, kNodeBytes);
    const std::string_view statistics = counted->substr(i * kStatisticsBytes, kStatisticsBytes);
    const auto feature = Bytes::number_at<std::uint32_t>(place, 3);
    node.left = Bytes::number_at<std::int32_t>(place, 1);
    node.right = Bytes::number_at<std::int32_t>(place, 2);
    node.feature = feature & 0x7FFFFFFFU;
    node.is_default_left = (feature >> 31) != 0;
    node.value = Bytes::number_at<float>(place, 4);
    node.gain = Bytes::number_at<float>(statistics, 0);
    node.cover = static_cast<double>(Bytes::number_at<float>(statistics, 1));
    if (node.left != -1 && node.right != node.left + 1) {
      return core::Error{core::ErrorCode::kCorruption,
                         fmt::format("node {}: children {} and {} are not side by side", i,
                                     node.left, node.right)};
    }
  }
  return {};
}

core::Result<> read_forest(Bytes& bytes, bool is_dart, TreeModelBuilder& builder) {
  const auto raw = bytes.take(kForestBytes, "the forest's head");
  if (!raw) return raw.error();
  const auto trees = Bytes::number_at<std::int32_t>(*raw, 0);
  if (trees < 0 || static_cast<std::size_t>(trees) > bytes.left() / kTreeBytes) {
    return bytes.fail(fmt::format("trees that the file holds, not {}", trees));
  }
  std::vector<std::vector<SourceNode>> forest(static_cast<std::size_t>(trees));
  for (std::size_t i = 0; i < forest.size(); ++i) {
    if (auto read = read_tree(bytes, forest[i]); !read) {
      return std::move(read).error().within(fmt::format("tree {}", i));
    }
  }
  const auto groups = bytes.take(forest.size() * sizeof(std::int32_t), "the trees' groups");
  if (!groups) return groups.error();
  for (std::size_t i = 0; i < forest.size(); ++i) {
    const auto group = Bytes::number_at<std::uint32_t>(*groups, i);
    if (group >= builder.model.group_count()) {
      return core::Error{
          core::ErrorCode::kCorruption,
          fmt::format("tree {}: group {} of {}", i, group, builder.model.group_count())};
    }
    auto added = builder.add_tree(forest[i], group, {.has_gains = true, .has_covers = true});
    if (!added) return std::move(added).error().within(fmt::format("tree {}", i));
  }
  if (!is_dart || forest.empty()) return {};
  auto weights = bytes.take_floats("weights of trees");
  if (!weights) return std::move(weights).error();
  if (weights->size() != forest.size() ||
      !std::all_of(weights->begin(), weights->end(), [](float w) { return std::isfinite(w); })) {
    return bytes.fail(fmt::format("a finite weight for each of the {} trees", forest.size()));
  }
  builder.weigh_trees(*std::move(weights));
  return {};
}

}  // namespace

bool is_xgboost_binary(std::string_view bytes) {
  if (bytes.starts_with(kMagic)) return true;
  // Without the magic word: the length of the objective's name, and a name.
  if (bytes.size() < kHeadBytes + 9 || bytes.front() == '{') return false;
  const auto length = Bytes::number_at<std::uint64_t>(bytes.substr(kHeadBytes, 8), 0);
  if (length == 0 || length > kNameMax || length > bytes.size() - kHeadBytes - 8) return false;
  return find_xgboost_objective(bytes.substr(kHeadBytes + 8, static_cast<std::size_t>(length)))
      .has_value();
}

core::Result<TreeModel> load_xgboost_binary(std::string_view bytes) {
  if (bytes.starts_with(kMagic)) bytes.remove_prefix(kMagic.size());
  Bytes reader(bytes);
  TreeModelBuilder builder;
  std::string booster;
  if (auto head = read_head(reader, builder, booster); !head) return std::move(head).error();
  if (booster == "gblinear") {
    if (auto raw = reader.take(kLinearBytes, "the linear model's head"); !raw) return raw.error();
    auto weights = reader.take_floats("weights");
    if (!weights) return std::move(weights).error();
    auto set = set_xgboost_weights(*std::move(weights), builder);
    if (!set) return std::move(set).error();
  } else if (booster == "gbtree" || booster == "dart") {
    auto read = read_forest(reader, booster == "dart", builder);
    if (!read) return std::move(read).error().within("binary model");
  } else {
    return core::Error{
        core::ErrorCode::kUnimplemented,
        fmt::format("booster \"{}\" is not known: gbtree, dart and gblinear are", booster)};
  }
  // Behind them stand attributes and the names of metrics, which do not matter here.
  return std::move(builder.model);
}

}  // namespace tenure::learn
