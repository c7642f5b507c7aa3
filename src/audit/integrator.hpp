#pragma once
#include "audit/store.hpp"
#include "base/time.hpp"
#include "platform/crypto/keyring.hpp"

namespace modelops::audit {

/// Puts committed records into their organisations' trees, in the order of time and id, and signs the new heads. The
/// leased sequencer calls `step` in a loop; two of them at once cost a repeated transaction, never a wrong tree.
class Integrator {
 public:
  Integrator(const Clock& clock, const crypto::Keyring& keyring, std::int64_t batch_max = 500)
      : clock_(clock), keyring_(keyring), batch_max_(batch_max) {}

  /// Inside a write transaction: integrates up to `batch_max` records and signs one head per organisation. Returns how
  /// many records; less than the batch: there are no more.
  std::size_t step(db::Tx& tx) const;

 private:
  void append(db::Tx& tx, const std::string& org_id, const std::vector<LeafRow>& rows) const;

  const Clock& clock_;
  const crypto::Keyring& keyring_;
  std::int64_t batch_max_;
};

/// Makes the key that signs from now on; the one before, if any, is retired and its private half erased.
KeyRow rotate_signing_key(db::Tx& tx, const crypto::Keyring& keyring, const std::string& org_id, Time now);

}  // namespace modelops::audit
