"use strict";
// What pages do besides being read. Everything is there without it, but for convenience. Nothing here makes markup of
// text: a page that is asked for once more is read by the browser, and parts of it take the place of what is here.
//
//   <time datetime data-moment>            is said in the viewer's zone
//   <button data-copy="ID" hidden>         copies the text of an element, or `data-text` where that is shown otherwise than it is
//   <form data-confirm="TEXT">             has its button once TEXT is typed into the field `confirm`
//   <form data-search="ID">                asks as one types, and renews the element ID
//   <… id data-live="EVENTS">              is renewed when the stream of events says something
//   <form method="post">                   is sent once, however often its button is pressed
(() => {
  const SEARCH_AFTER = 250;
  const RENEW_AFTER = 1000;
  const LISTEN_AGAIN_AFTER = 5000;
  const SEND_AGAIN_AFTER = 60000;

  const moments = (root) => {
    const short = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
    for (const time of root.querySelectorAll("time[data-moment]")) {
      time.textContent = short.format(new Date(time.dateTime));
    }
  };

  const copies = (root) => {
    for (const button of root.querySelectorAll("button[data-copy]")) {
      button.hidden = false;
      button.addEventListener("click", async () => {
        const source = document.getElementById(button.dataset.copy);
        const label = button.textContent;
        try {
          await navigator.clipboard.writeText(button.dataset.text ?? source.textContent);
          button.textContent = "Copied";
        } catch {
          window.getSelection().selectAllChildren(source);
          button.textContent = "Selected";
        }
        window.setTimeout(() => { button.textContent = label; }, 2000);
      });
    }
  };

  const confirms = (root) => {
    for (const form of root.querySelectorAll("form[data-confirm]")) {
      const field = form.elements.namedItem("confirm");
      const button = form.querySelector("button[type=submit]");
      const look = () => { button.disabled = field.value !== form.dataset.confirm; };
      field.addEventListener("input", look);
      look();
    }
  };

  const prepared = (root) => {
    moments(root);
    copies(root);
    confirms(root);
  };

  // Asks for a page once more, and has the elements of these ids from it. Whoever is signed out meanwhile sees so.
  const renew = (address, ids, wanted = () => true) => new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.setRequestHeader("Accept", "text/html");
    request.addEventListener("loadend", () => {
      // What cannot be shown says why, in the place of the list.
      const page = [200, 400].includes(request.status) && wanted() ? request.response : null;
      for (const id of page ? ids : []) {
        const old = document.getElementById(id);
        const found = page.getElementById(id);
        if (!found) {
          if (request.status === 200) window.location.reload();
          break;
        }
        if (old && !old.contains(document.activeElement)) {
          const renewed = document.importNode(found, true);
          old.replaceWith(renewed);
          prepared(renewed);
        }
      }
      done(page !== null);
    });
    request.send();
  });

  const searches = () => {
    for (const form of document.querySelectorAll("form[data-search]")) {
      let waiting = 0;
      let asked = 0;
      form.addEventListener("input", () => {
        window.clearTimeout(waiting);
        waiting = window.setTimeout(async () => {
          const query = new URLSearchParams(new FormData(form));
          for (const [name, value] of [...query]) {
            if (value === "") query.delete(name);
          }
          const text = query.toString();
          const address = form.getAttribute("action") + (text ? `?${text}` : "");
          asked += 1;
          const number = asked;
          const list = document.getElementById(form.dataset.search);
          list?.setAttribute("aria-busy", "true");
          // An answer that comes after a later question is of no use any more.
          if (await renew(address, [form.dataset.search], () => number === asked)) {
            window.history.replaceState(null, "", address);
          }
          list?.removeAttribute("aria-busy");
        }, SEARCH_AFTER);
      });
    }
  };

  const lives = () => {
    for (const region of document.querySelectorAll("[data-live]")) {
      const ids = [region.id, ...(region.dataset.with || "").split(" ").filter(Boolean)];
      let waiting = 0;
      let stream = null;
      const told = () => {
        if (waiting) return;
        waiting = window.setTimeout(async () => {
          waiting = 0;
          if (!document.hidden) await renew(window.location.href, ids);
          const now = document.getElementById(region.id);
          if (!now?.dataset.live) stream?.close();
        }, RENEW_AFTER);
      };
      const listen = () => {
        if (document.hidden || !document.getElementById(region.id)?.dataset.live) {
          stream?.close();
          stream = null;
          return;
        }
        stream?.close();
        stream = new EventSource(region.dataset.live);
        for (const event of ["import_run", "progress", "job"]) stream.addEventListener(event, told);
        // A stream ends with what it is about, or with its server: it is looked at once more, and listened to anew if there is
        // still something to hear.
        stream.addEventListener("error", () => {
          stream?.close();
          told();
          window.setTimeout(listen, LISTEN_AGAIN_AFTER);
        });
      };
      document.addEventListener("visibilitychange", listen);
      listen();
    }
  };

  // What is sent twice is asked for twice, and the first answer is lost with all that stands in it.
  const sends = () => {
    const buttons = (form) => [...form.elements].filter((one) => one.type === "submit");
    const free = (form) => {
      delete form.dataset.sent;
      form.removeAttribute("aria-busy");
      for (const button of buttons(form)) button.disabled = false;
    };
    document.addEventListener("submit", (event) => {
      const form = event.target;
      if (event.defaultPrevented || form.getAttribute("method") !== "post") return;
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = "true";
      form.setAttribute("aria-busy", "true");
      // Only once it is on its way: what a disabled button stands for is not sent.
      window.setTimeout(() => { for (const button of buttons(form)) button.disabled = true; }, 0);
      window.setTimeout(() => free(form), SEND_AGAIN_AFTER);
    });
    // A page that is gone back to is as it was left.
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) for (const form of document.querySelectorAll("form[data-sent]")) free(form);
    });
  };

  // The focus goes to what is to be seen to: the first field that is wrong, else what was refused, else what was done.
  const focuses = () => {
    const first = ["main [aria-invalid=true]", "main [role=alert]", "#said"].map((one) => document.querySelector(one));
    const seen = first.find(Boolean);
    if (!seen || document.querySelector("[autofocus]")) return;
    if (!seen.matches("input, select, textarea")) seen.tabIndex = -1;
    seen.focus();
  };

  // What was done is said once.
  const address = new URL(window.location.href);
  if (address.searchParams.has("said")) {
    address.searchParams.delete("said");
    window.history.replaceState(null, "", address);
  }
  prepared(document);
  focuses();
  sends();
  searches();
  lives();
})();
