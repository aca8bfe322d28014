// Evaluates a model file with our evaluator, every way this machine can: for model_files_test.py,
// which compares the numbers with those of the libraries that wrote the file.
//
//   evaluate_model MODEL ROWS COLUMNS OUT
//
// ROWS holds float32 rows, OUT receives float64: for each way, margins then outputs, rows × groups
// each. Standard output names the ways, one a line; a model that is refused gives its reason and
// exit code 3.

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "core/file.h"
#include "learn/tree_model.h"

namespace tenure::learn {
namespace {

template <typename Sum>
void append(const std::vector<Sum>& values, std::vector<double>& out) {
  for (const Sum value : values) out.push_back(static_cast<double>(value));
}

/// Margins one by one and together, and outputs; false if the two ways differ.
template <typename Sum>
bool evaluate(const TreeModel& model, const std::vector<float>& values, std::size_t rows,
              std::vector<double>& out) {
  const std::size_t groups = model.group_count();
  std::vector<Sum> together(rows * groups);
  std::vector<Sum> alone(rows * groups);
  std::vector<Sum> outputs(rows * groups);
  model.margins_of_rows(values, std::span<Sum>(together));
  for (std::size_t row = 0; row < rows; ++row) {
    const auto one = std::span<Sum>(alone).subspan(row * groups, groups);
    model.margins(std::span(values).subspan(row * model.feature_count(), model.feature_count()),
                  one);
    model.outputs(std::span<const Sum>(one), std::span<Sum>(outputs).subspan(row * groups, groups));
  }
  append(alone, out);
  append(outputs, out);
  return std::memcmp(alone.data(), together.data(), alone.size() * sizeof(Sum)) == 0;
}

int run(const std::string& model_path, const std::string& rows_path, std::size_t columns,
        const std::string& out_path) {
  const auto bytes = core::read_file(model_path);
  const auto raw = core::read_file(rows_path);
  if (!bytes || !raw) return 1;
  const auto model = TreeModel::load(*bytes);
  if (!model) {
    std::cout << model.error().message << '\n';
    return 3;
  }
  if (model->feature_count() != columns) {
    std::cout << "the model reads " << model->feature_count() << " features\n";
    return 3;
  }
  std::vector<float> values(raw->size() / sizeof(float));
  std::memcpy(values.data(), raw->data(), values.size() * sizeof(float));
  std::vector<TreeModel> forms{model->walking()};
  for (const CpuLevel level : cpu_levels()) {
    auto form = model->at_level(level);
    if (form) forms.push_back(*std::move(form));
  }
  std::vector<double> out;
  for (const TreeModel& form : forms) {
    const bool is_equal = form.is_float64()
                              ? evaluate<double>(form, values, values.size() / columns, out)
                              : evaluate<float>(form, values, values.size() / columns, out);
    if (!is_equal) return 1;
    std::cout << form.evaluator_name() << '\n';
  }
  std::ofstream file(out_path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(out.data()),
             static_cast<std::streamsize>(out.size() * sizeof(double)));
  return file.good() ? 0 : 1;
}

}  // namespace
}  // namespace tenure::learn

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: evaluate_model MODEL ROWS COLUMNS OUT\n";
    return 2;
  }
  return tenure::learn::run(argv[1], argv[2], std::strtoul(argv[3], nullptr, 10), argv[4]);
}
