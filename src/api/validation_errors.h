#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace tenure::api {

/// The mistakes in one request body, in FastAPI's form: `{"detail":[{"type","loc","msg","input",
/// "ctx"?}]}`, status 422. Keeps the first kErrorsMax in full and counts the others.
class ValidationErrors {
 public:
  static constexpr std::size_t kErrorsMax = 100;

  /// One step of a location: a member's name or a position in an array.
  struct Step {
    Step(std::string_view member) : name(member) {}  // NOLINT(google-explicit-constructor)
    Step(const char* member) : name(member) {}       // NOLINT(google-explicit-constructor)
    Step(std::size_t position) : index(position), is_index(true) {}  // NOLINT
    std::string_view name;
    std::size_t index = 0;
    bool is_index = false;
  };

  /// `input`: the wrong value as written (JSON); long ones are shown as null. `context`: a JSON
  /// object, or "" for none.
  void add(std::string_view type, std::initializer_list<Step> location, std::string_view message,
           std::string_view input, std::string_view context = {});

  /// As add(), for a parameter of the query.
  void add_in_query(std::string_view type, std::string_view parameter, std::string_view message,
                    std::string_view value, std::string_view context = {});

  /// As add(), for a text that is no JSON: everything found before is forgotten.
  void set_invalid_json(std::size_t offset, std::string_view reason);

  void clear();
  bool empty() const { return count_ == 0; }
  std::size_t count() const { return count_; }
  void write_to(std::string& out) const;

  /// For protocols whose errors are one text: "features.3.tenure: Field required; and 2 more".
  std::string summary() const;

 private:
  void add_item(std::string_view part, std::string_view type, std::initializer_list<Step> location,
                std::string_view message, std::string_view input, std::string_view context);

  std::string items_;
  std::string first_;  ///< of the summary
  std::size_t count_ = 0;
};

}  // namespace tenure::api
