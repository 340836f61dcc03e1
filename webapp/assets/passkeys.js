/* Forms that a passkey fills: data-passkey says whether one is made (create) or used (get),
   data-options where the server's challenge comes from. Hidden where the browser cannot. */
(function () {
  "use strict";

  const canCreate = () => Boolean(
    window.PublicKeyCredential && PublicKeyCredential.parseCreationOptionsFromJSON);

  async function challengeOf(form) {
    const response = await fetch(form.dataset.options, {
      method: "POST",
      headers: { "X-CSRFToken": form.elements.csrf_token.value },
    });
    if (!response.ok) throw new Error("The portal did not answer.");
    return response.json();
  }

  async function credentialOf(form) {
    const options = await challengeOf(form);
    if (form.dataset.passkey === "create") {
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
      return navigator.credentials.create({ publicKey });
    }
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return navigator.credentials.get({ publicKey });
  }

  async function fill(form) {
    const status = form.querySelector("[role=status]");
    try {
      const credential = await credentialOf(form);
      form.elements.credential.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch (error) {
      status.textContent = error.name === "NotAllowedError"
        ? "No passkey was used." : "This passkey could not be used.";
    }
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.dataset.passkey) return;
    event.preventDefault();
    fill(event.target);
  });

  for (const form of document.querySelectorAll("[data-passkey]")) form.hidden = !canCreate();
})();
