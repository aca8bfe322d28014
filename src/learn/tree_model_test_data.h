#pragma once

#include <bit>
#include <string>
#include <type_traits>

#include "learn/model_document.h"

// Models that tests of this folder share, and a writer of UBJSON to read them back from.

namespace tenure::learn::testing {

/// Three trees over tenure, charge, plan (categorical) and score; written for these tests, margins
/// taken from libxgboost 1.7.4 and 3.4.1, which agree.
inline constexpr const char* kSmallModel =
    R"json({"learner":{"attributes":{},"feature_names":["tenure","charge","plan","score"],"feature_types":["float","float","c","float"],"gradient_booster":{"model":{"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"3","size_leaf_vector":"0"},"tree_info":[0,0,0],"trees":[
{"id":0,"tree_param":{"num_deleted":"0","num_feature":"4","num_nodes":"5","size_leaf_vector":"0"},"parents":[2147483647,0,0,1,1],"left_children":[1,3,-1,-1,-1],"right_children":[2,4,-1,-1,-1],"split_indices":[0,1,0,0,0],"split_conditions":[10.5,0.3,0.4,0.1,-0.2],"default_left":[1,0,0,0,0],"split_type":[0,0,0,0,0],"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[],"base_weights":[0.0,0.0,0.4,0.1,-0.2],"loss_changes":[1.0,1.0,0.0,0.0,0.0],"sum_hessian":[100.0,60.0,40.0,25.0,35.0]},
{"id":1,"tree_param":{"num_deleted":"0","num_feature":"4","num_nodes":"3","size_leaf_vector":"0"},"parents":[2147483647,0,0],"left_children":[1,-1,-1],"right_children":[2,-1,-1],"split_indices":[2,0,0],"split_conditions":[NaN,-0.15,0.25],"default_left":[0,0,0],"split_type":[1,0,0],"categories":[1,3,35],"categories_nodes":[0],"categories_segments":[0],"categories_sizes":[3],"base_weights":[0.0,-0.15,0.25],"loss_changes":[1.0,0.0,0.0],"sum_hessian":[100.0,70.0,30.0]},
{"id":2,"tree_param":{"num_deleted":"0","num_feature":"4","num_nodes":"7","size_leaf_vector":"0"},"parents":[2147483647,0,0,1,1,2,2],"left_children":[1,3,5,-1,-1,-1,-1],"right_children":[2,4,6,-1,-1,-1,-1],"split_indices":[0,0,3,0,0,0,0],"split_conditions":[20.0,5.0,-1.5,0.05,-0.07,0.3,-0.33],"default_left":[0,1,0,0,0,0,0],"split_type":[0,0,0,0,0,0,0],"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[],"base_weights":[0.0,0.0,0.0,0.05,-0.07,0.3,-0.33],"loss_changes":[1.0,1.0,1.0,0.0,0.0,0.0,0.0],"sum_hessian":[100.0,80.0,20.0,50.0,30.0,12.0,8.0]}]},"name":"gbtree"},"learner_model_param":{"base_score":"3.1E-1","boost_from_average":"0","num_class":"0","num_feature":"4","num_target":"1"},"objective":{"name":"binary:logistic","reg_loss_param":{"scale_pos_weight":"1"}}},"version":[1,7,4]})json";

/// `text` with its first `from` made `to`; the test is wrong if there is none.
inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) return "nothing to replace: " + std::string(from);
  return text.replace(at, from.size(), to);
}

/// The same trees as dart, weights 1, 0.5, 0.7, in the place where XGBoost up to 3.2 has them.
inline std::string small_dart() {
  std::string text = replaced(kSmallModel, R"("gradient_booster":{"model":)",
                              R"("gradient_booster":{"weight_drop":[1.0,0.5,0.7],)"
                              R"("gbtree":{"name":"gbtree","model":)");
  return replaced(text, R"("name":"gbtree"},"learner_model_param")",
                  R"("x":0},"name":"dart"},"learner_model_param")");
}

/// The same trees, one for each of three classes.
inline std::string small_multiclass() {
  std::string text = replaced(kSmallModel, R"("tree_info":[0,0,0])", R"("tree_info":[0,1,2])");
  text = replaced(text, R"("num_class":"0")", R"("num_class":"3")");
  text = replaced(text, R"("base_score":"3.1E-1")", R"("base_score":"5E-1")");
  return replaced(text, R"("name":"binary:logistic","reg_loss_param":{"scale_pos_weight":"1"})",
                  R"("name":"multi:softprob","softmax_multiclass_param":{"num_class":"3"})");
}

template <typename T>
void append_big_endian(T value, std::string& out) {
  using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  const auto bits = std::bit_cast<Bits>(value);
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    out += static_cast<char>((bits >> shift) & 0xFF);
  }
}

class UbjsonWriter {
 public:
  void write(const DocumentValue& value) {
    std::visit([this](const auto& held) { write_held(held); }, value.value);
  }
  std::string take() && { return std::move(out_); }

 private:
  void write_count(std::size_t count) {
    out_ += 'L';
    append_big_endian(static_cast<std::int64_t>(count), out_);
  }
  void write_bytes(const std::string& text) {
    write_count(text.size());
    out_ += text;
  }

  void write_held(std::monostate) { out_ += 'Z'; }
  void write_held(bool flag) { out_ += flag ? 'T' : 'F'; }
  void write_held(std::int64_t integer) {
    out_ += 'L';
    append_big_endian(integer, out_);
  }
  void write_held(float number) {
    out_ += 'd';
    append_big_endian(number, out_);
  }
  void write_held(const std::string& text) {
    out_ += 'S';
    write_bytes(text);
  }
  void write_held(const DocumentValue::Integers& integers) {
    out_ += "[$L#";
    write_count(integers.size());
    for (const std::int64_t integer : integers) append_big_endian(integer, out_);
  }
  void write_held(const DocumentValue::Numbers& numbers) {
    out_ += "[$d#";
    write_count(numbers.size());
    for (const float number : numbers) append_big_endian(number, out_);
  }
  void write_held(const DocumentValue::Array& values) {
    out_ += "[#";
    write_count(values.size());
    for (const DocumentValue& value : values) write(value);
  }
  void write_held(const DocumentValue::Object& members) {
    out_ += '{';
    for (std::size_t i = 0; i < members.names.size(); ++i) {
      write_bytes(members.names[i]);
      write(members.values[i]);
    }
    out_ += '}';
  }

  std::string out_;
};

inline std::string to_ubjson(const DocumentValue& value) {
  UbjsonWriter writer;
  writer.write(value);
  return std::move(writer).take();
}

/// The UBJSON form of a JSON model; empty when the text is no JSON.
inline std::string to_ubjson(std::string_view json) {
  const auto document = read_json_document(json);
  return document ? to_ubjson(*document) : std::string();
}

}  // namespace tenure::learn::testing
