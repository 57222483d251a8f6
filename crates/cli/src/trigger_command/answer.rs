//! Which of the receipts on a topic answer our trigger, and which of them is the last.
//! Pure: receipts come in, and what they mean comes out (docs/schema/receipt.schema.json).
//! It leaves where they come from to `exchange`.

use serde_json::Value;

use crate::{error::Error, import::one_line};

/// What a trigger waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// A start: its recording is complete.
    Recording,
    /// A stop: it is accepted.
    Acceptance,
}

/// What a message on the receipts' topic is to us.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Not ours, or no receipt.
    Other,
    /// Ours, and there is more to come.
    Underway(Value),
    /// Ours, and what was waited for.
    Good(Value),
    /// Ours: rejected or failed.
    Bad(Value),
}

impl Awaited {
    /// Judges one message for the trigger with this id.
    pub fn judge(self, id: &str, message: &[u8]) -> Answer {
        let Ok(receipt) = serde_json::from_slice::<Value>(message) else { return Answer::Other };
        if receipt["id"].as_str() != Some(id) {
            return Answer::Other;
        }
        match (self, receipt["receipt"].as_str()) {
            (_, Some("rejected" | "failed")) => Answer::Bad(receipt),
            (Self::Recording, Some("done" | "recovered")) | (Self::Acceptance, Some("accepted")) => {
                Answer::Good(receipt)
            }
            (Self::Recording, Some("accepted" | "merged")) => Answer::Underway(receipt),
            _ => Answer::Other,
        }
    }
}

/// What a receipt that is not good says.
pub fn not_recorded(receipt: &Value) -> Error {
    let rejected = receipt["receipt"] == "rejected";
    let kind = if rejected { "been rejected" } else { "led to a recording that failed" };
    let reason = receipt["reason"].as_str().unwrap_or("the receipt says no reason");
    Error::NotRecorded { kind, reason: one_line(reason) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judge(awaited: Awaited, receipt: &Value) -> Answer {
        awaited.judge("door-1", receipt.to_string().as_bytes())
    }

    #[test]
    fn receipts_are_told_by_id_and_kind() {
        let receipt = |kind: &str| json!({"receipt": kind, "id": "door-1"});
        let start = |kind: &str| judge(Awaited::Recording, &receipt(kind));
        let stop = |kind: &str| judge(Awaited::Acceptance, &receipt(kind));
        for kind in ["accepted", "merged"] {
            assert_eq!(start(kind), Answer::Underway(receipt(kind)));
        }
        for kind in ["done", "recovered"] {
            assert_eq!(start(kind), Answer::Good(receipt(kind)));
        }
        for kind in ["rejected", "failed"] {
            assert_eq!((start(kind), stop(kind)), (Answer::Bad(receipt(kind)), Answer::Bad(receipt(kind))));
        }
        assert_eq!(stop("accepted"), Answer::Good(receipt("accepted")));
        // Of the recording that the stop ends, were it started under the same id.
        assert_eq!(stop("done"), Answer::Other);
        assert_eq!(start("something new"), Answer::Other);
    }

    #[test]
    fn a_receipt_that_is_not_good_says_why() {
        for (kind, reason, words) in [
            ("rejected", json!("no\u{1b}such\nsensor"), "the trigger has been rejected: no?such?sensor"),
            ("failed", json!("disk full"), "the trigger has led to a recording that failed: disk full"),
            ("failed", json!(null), "the receipt says no reason"),
        ] {
            let said = not_recorded(&json!({"receipt": kind, "reason": reason})).to_string();
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn what_is_not_ours_is_passed_over() {
        for message in [json!({"receipt": "done", "id": "door-2"}), json!({"receipt": "done"}), json!([1]), json!(null)]
        {
            assert_eq!(judge(Awaited::Recording, &message), Answer::Other, "{message}");
        }
        for bytes in [&b""[..], b"\xff", b"done door-1"] {
            assert_eq!(Awaited::Recording.judge("door-1", bytes), Answer::Other);
        }
    }
}
