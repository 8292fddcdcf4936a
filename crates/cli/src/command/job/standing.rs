//! What to do about a job that is not over, or not well.

use keyreeve_engine::desk::{Keeps, Standing};
use keyreeve_model::JobId;

/// What to do.
pub(crate) fn advice(standing: &Standing, id: JobId) -> String {
    match standing.keeps {
        Keeps::Approval => {
            format!("`keyreeve job approve {id}` or `keyreeve job reject {id}`, by somebody else")
        }
        Keeps::Person => format!(
            "look at AWS, then `keyreeve job retry {id}`, or `keyreeve job dismiss {id} --reason TEXT` where there is nothing \
             to mend"
        ),
        Keeps::AtWork => "if that process has ended, the job can be gone on with then".to_owned(),
        Keeps::Stale => format!(
            "`keyreeve job cancel {id}`, and ask again; if all is as it was once more, `keyreeve job apply {id}` carries it out"
        ),
        Keeps::NotBegun => format!(
            "`keyreeve job apply {id}` plans it once more and carries it out if what it rests on is as it was; else \
             `keyreeve job cancel {id}`, and ask again"
        ),
        Keeps::Paused | Keeps::Abandoned => format!("`keyreeve job apply {id}` goes on"),
    }
}
