#pragma once
#include "audit/store.hpp"
#include "platform/http/types.hpp"

namespace modelops::audit {

/// The lines of verify.hpp for the tree of `size` records, made while they are read: some hundred records in memory,
/// each batch in a short transaction of its own.
class ExportSource final : public http::BodySource {
 public:
  ExportSource(db::Database& database, const crypto::Keyring& keyring, std::string org_id, std::int64_t size)
      : database_(database), keyring_(keyring), org_id_(std::move(org_id)), size_(size) {}

  std::size_t read(std::span<char> into) override;

 private:
  enum class Part { header, records, end, nothing };
  void fill();
  void fill_header(db::Tx& tx);
  void fill_records(db::Tx& tx);

  db::Database& database_;
  const crypto::Keyring& keyring_;
  const std::string org_id_;
  const std::int64_t size_;
  Part part_ = Part::header;
  std::int64_t next_index_ = 0;
  std::int64_t signed_size_ = 0;  ///< of the last head written
  std::string buffer_;
  std::size_t taken_ = 0;
};

}  // namespace modelops::audit
